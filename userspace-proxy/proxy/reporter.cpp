#include "userspace-proxy/proxy/reporter.h"

#include "userspace-proxy/report/labels.h"

namespace fairlead::proxy {
namespace {

using telemetry::Path;

constexpr uint8_t kSourceSide = static_cast<uint8_t>(report::Side::kSource);
constexpr uint8_t kDestinationSide = static_cast<uint8_t>(report::Side::kDestination);

// Which of Istio's two reporters this proxy speaks for.
uint8_t sides_of(const Subject& subject) {
  if (subject.arrival->role == broker::Role::kInbound) {
    return kDestinationSide;
  }
  return subject.plan.judge && subject.arrival->shape == plan::Shape::kNode ? kSourceSide | kDestinationSide
                                                                            : kSourceSide;
}

const config::Workload* destination_of(const Subject& subject) {
  return subject.plan.destination != nullptr ? subject.plan.destination : subject.ends.destination;
}

report::EndFacts facts_of(const Subject& subject) {
  return {.source = subject.ends.source,
          .source_identity = subject.ends.caller.identity,
          .destination = destination_of(subject),
          .service = subject.plan.service,
          .authority = subject.authority};
}

Path path_of(const Subject& subject, telemetry::RecordKind kind) {
  if (subject.arrival->shape == plan::Shape::kSidecar) {
    return subject.arrival->role == broker::Role::kInbound ? Path::kSidecarInbound : Path::kSidecarOutbound;
  }
  if (subject.arrival->role == broker::Role::kInbound) {
    return Path::kNodeInbound;
  }
  return kind == telemetry::RecordKind::kHttp ? Path::kNodeHttp : Path::kNodeTcp;
}

}  // namespace

size_t Reporter::SeriesKeyHash::operator()(const SeriesKey& key) const noexcept {
  size_t hash = key.status * 131u + key.reason * 7u + key.sides;
  for (const void* const pointer : {key.source, key.destination, key.service, key.identity}) {
    hash = (hash ^ reinterpret_cast<size_t>(pointer)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;
  }
  return hash;
}

Reporter::SeriesKey Reporter::key_of(const Subject& subject, uint16_t status, Reason reason) {
  return {.source = subject.ends.source,
          .destination = destination_of(subject),
          .service = subject.plan.service,
          .identity = subject.ends.caller.identity,
          .status = status,
          .reason = static_cast<uint8_t>(reason),
          .sides = sides_of(subject)};
}

Reporter::Pair<telemetry::HttpSeries> Reporter::http_series(const Subject& subject, const Outcome& outcome) {
  const SeriesKey key = key_of(subject, outcome.status, outcome.reason);
  // The Host header of unknown hosts is a label: such series are not remembered by pointer.
  const bool remember = key.service != nullptr || (key.sides & kSourceSide) == 0;
  if (remember) {
    if (const auto found = http_.find(key); found != http_.end()) {
      return found->second;
    }
  }
  Pair<telemetry::HttpSeries> pair;
  for (const uint8_t side : {kSourceSide, kDestinationSide}) {
    if ((key.sides & side) == 0) {
      continue;
    }
    report::LabelStorage storage;
    telemetry::HttpLabels labels;
    labels.common = report::labels_of<std::string_view>(facts_of(subject), static_cast<report::Side>(side), storage);
    labels.common.request_protocol = "http";
    labels.common.response_flags = text_of(outcome.reason).flag;
    labels.response_code = outcome.status;
    (side == kSourceSide ? pair.source : pair.destination) = arena_->http(labels);
  }
  if (remember) {
    http_.emplace(key, pair);
  }
  return pair;
}

void Reporter::http(const Subject& subject, const Outcome& outcome) {
  const auto pair = http_series(subject, outcome);
  const double duration_ms = static_cast<double>(outcome.duration_ns) / 1e6;
  for (telemetry::HttpSeries* const series : {pair.source, pair.destination}) {
    if (series != nullptr) {
      series->count(duration_ms, outcome.request_size, outcome.response_size);
    }
  }
  record(telemetry::RecordKind::kHttp, subject, outcome);
}

Reporter::Pair<telemetry::TcpSeries> Reporter::tcp_series(const Subject& subject) {
  const SeriesKey key = key_of(subject, 0, Reason::NONE);
  if (const auto found = tcp_.find(key); found != tcp_.end()) {
    return found->second;
  }
  Pair<telemetry::TcpSeries> pair;
  for (const uint8_t side : {kSourceSide, kDestinationSide}) {
    if ((key.sides & side) == 0) {
      continue;
    }
    report::LabelStorage storage;
    telemetry::TcpLabels labels;
    labels.common = report::labels_of<std::string_view>(facts_of(subject), static_cast<report::Side>(side), storage);
    labels.common.request_protocol = "tcp";
    labels.common.response_flags = "-";
    (side == kSourceSide ? pair.source : pair.destination) = arena_->tcp(labels);
  }
  tcp_.emplace(key, pair);
  return pair;
}

void Reporter::tcp_opened(const Subject& subject) {
  const auto pair = tcp_series(subject);
  for (telemetry::TcpSeries* const series : {pair.source, pair.destination}) {
    if (series != nullptr) {
      series->add_opened();
    }
  }
}

void Reporter::turned_away(const Arrival& arrival, Reason reason, int64_t unix_ns) {
  Subject subject;
  subject.arrival = &arrival;
  subject.ends.caller.address = arrival.peer;
  record(telemetry::RecordKind::kTcp, subject, {.reason = reason, .start_unix_ns = unix_ns});
}

void Reporter::tcp_bytes(const Subject& subject, uint64_t sent, uint64_t received) {
  const auto pair = tcp_series(subject);
  for (telemetry::TcpSeries* const series : {pair.source, pair.destination}) {
    if (series != nullptr) {
      series->add_sent(sent);
      series->add_received(received);
    }
  }
}

void Reporter::tcp_closed(const Subject& subject, const Outcome& outcome) {
  const auto pair = tcp_series(subject);
  for (telemetry::TcpSeries* const series : {pair.source, pair.destination}) {
    if (series != nullptr) {
      series->add_closed();
    }
  }
  record(telemetry::RecordKind::kTcp, subject, outcome);
}

void Reporter::record(telemetry::RecordKind kind, const Subject& subject, const Outcome& outcome) {
  telemetry::Record record;
  record.kind = kind;
  record.path = path_of(subject, kind);
  record.reason = outcome.reason;
  record.status = outcome.status;
  record.start_unix_ns = outcome.start_unix_ns;
  record.duration_ns = outcome.duration_ns;
  record.bytes_received = outcome.received_bytes;
  record.bytes_sent = outcome.sent_bytes;
  record.client = subject.ends.caller.address;
  record.destination = subject.arrival->origin.original;
  record.upstream = subject.plan.endpoint;
  if (subject.ends.source != nullptr) {
    record.source_workload = subject.ends.source->uid;
  }
  if (subject.ends.caller.identity != nullptr) {
    record.source_principal = subject.ends.caller.identity->principal;
  }
  if (const config::Workload* const destination = destination_of(subject); destination != nullptr) {
    record.destination_workload = destination->uid;
  }
  record.method = subject.method;
  record.authority = subject.authority;
  record.target = subject.target;
  const bool inbound = subject.arrival->role == broker::Role::kInbound;
  if (subject.plan.route != nullptr) {
    record.route = subject.plan.route->name;
  } else if (kind == telemetry::RecordKind::kHttp) {
    record.route = inbound || subject.plan.cluster != nullptr ? "default" : "allow_any";
  }
  if (subject.plan.cluster != nullptr) {
    record.cluster = subject.plan.cluster->name;
  } else {
    record.cluster = inbound ? "inbound" : "PassthroughCluster";
  }
  if (subject.policy != nullptr) {
    record.policy = subject.policy->name();
  }
  record.protocol = kind == telemetry::RecordKind::kHttp ? "HTTP/1.1" : "TCP";
  arena_->record(record);
}

}  // namespace fairlead::proxy
