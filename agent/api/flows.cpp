#include "agent/api/flows.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace fairlead::api {
namespace {

using nlohmann::json;

// Rings are memory that proxies write without a word to anybody; somebody who follows them looks ten times a second.
constexpr std::chrono::milliseconds kLookAtRings{100};

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

json address_or_null(const SocketAddress& address) {
  return address.ip.is_none() ? json(nullptr) : json(address.text());
}

}  // namespace

json record_json(const telemetry::RecordOwned& record) {
  const ReasonText& reason = text_of(record.reason);
  json out = {{"kind", record.kind == telemetry::RecordKind::kHttp ? "http" : "tcp"},
              {"path", telemetry::name_of(record.path)},
              {"start_unix_ns", record.start_unix_ns},
              {"duration_ns", record.duration_ns},
              {"reason", reason.name},
              {"response_flags", reason.flag},
              {"bytes_received", record.bytes_received},
              {"bytes_sent", record.bytes_sent},
              {"client", address_or_null(record.client)},
              {"destination", address_or_null(record.destination)},
              {"upstream", address_or_null(record.upstream)},
              {"source_workload", text_or_null(record.source_workload)},
              {"source_principal", text_or_null(record.source_principal)},
              {"destination_workload", text_or_null(record.destination_workload)},
              {"cluster", text_or_null(record.cluster)},
              {"policy", text_or_null(record.policy)},
              {"protocol", text_or_null(record.protocol)}};
  if (record.kind == telemetry::RecordKind::kHttp) {
    out["status"] = record.status;
    out["method"] = record.method;
    out["authority"] = record.authority;
    out["target"] = record.target;
    out["route"] = text_or_null(record.route);
  }
  return out;
}

void Flows::send_new(Reader& reader) const {
  telemetry::RecordBatch batch = arenas_.records(reader.proxies);
  telemetry::RecordBatch of_kernel = kernel_.records(reader.kernel);
  if (batch.lost + of_kernel.lost != 0) {
    reader.answer.line({{"lost", batch.lost + of_kernel.lost}});
  }
  std::ranges::move(of_kernel.records, std::back_inserter(batch.records));
  std::ranges::stable_sort(batch.records, {}, [](const telemetry::RecordOwned& record) {
    return record.start_unix_ns + static_cast<int64_t>(record.duration_ns);
  });
  for (const telemetry::RecordOwned& record : batch.records) {
    if (record.start_unix_ns >= reader.since_unix_ns) {
      reader.answer.line({{"record", record_json(record)}});
    }
  }
}

void Flows::answer(const FlowsQuery& query, const Answer& answer) {
  Reader reader{answer, query.since_unix_ns, {}, {}};
  send_new(reader);
  if (!query.follow) {
    answer.done(json::object());
    return;
  }
  readers_.push_back(std::move(reader));
  if (!timer_.active()) {
    poll();
  }
}

void Flows::poll() {
  readers_.remove_if([](const Reader& reader) { return !reader.answer.wanted(); });
  for (Reader& reader : readers_) {
    send_new(reader);
  }
  if (!readers_.empty()) {
    timer_ = loop_.after(kLookAtRings, [this] { poll(); });
  }
}

}  // namespace fairlead::api
