#include "agent/flow/traffic.h"

#include <algorithm>

namespace fairlead::flow {
namespace {

telemetry::TcpLabelsOwned labels(const Subject& subject, report::Side side) {
  report::LabelStorage storage;
  telemetry::TcpLabelsOwned labels;
  labels.common = report::labels_of<std::string>(subject.facts(), side, storage);
  labels.common.request_protocol = "tcp";
  labels.common.response_flags = "-";
  return labels;
}

// Sent is towards the downstream, which is the source.
telemetry::TcpSeries series_of(const fl_traffic& ended) {
  return {.opened = ended.closed, .closed = ended.closed, .sent_bytes = ended.received, .received_bytes = ended.sent};
}

void keep_greater(telemetry::TcpSeries& series, const telemetry::TcpSeries& now) {
  series.opened = std::max(series.opened, now.opened);
  series.closed = std::max(series.closed, now.closed);
  series.sent_bytes = std::max(series.sent_bytes, now.sent_bytes);
  series.received_bytes = std::max(series.received_bytes, now.received_bytes);
}

}  // namespace

Traffic::Known& Traffic::known(const fl_traffic_key& key, const Directory& directory) {
  const auto [found, fresh] = known_.try_emplace(key);
  if (fresh) {
    const fl_flow like{.opened_ns = 0,
                       .ended_ns = 0,
                       .cookie = 0,
                       .source_netns = key.source_netns,
                       .destination_netns = key.destination_netns,
                       .source = {},
                       .dialled = key.dialled,
                       .destination = key.destination,
                       .identity = key.identity,
                       .sent = 0,
                       .received = 0,
                       .policy = 0,
                       .reason = 0,
                       .reporters = static_cast<uint8_t>(key.reporters),
                       .established = 1,
                       .in_mesh = 1};
    const Subject subject = directory.find(like);
    found->second.source = labels(subject, report::Side::kSource);
    found->second.destination = labels(subject, report::Side::kDestination);
  }
  return found->second;
}

void Traffic::update(const Sums& ended, const std::vector<fl_flow>& open, const Directory& directory) {
  std::map<fl_traffic_key, telemetry::TcpSeries, kernel::ByteLess<fl_traffic_key>> now;
  for (const auto& [key, sums] : ended) {
    now[key] = series_of(sums);
  }
  for (auto& [key, each] : known_) {
    each.has_open = false;
  }
  for (const fl_flow& flow : open) {
    if (flow.established == 0) {
      continue;
    }
    fl_traffic_key key{};
    fl_traffic_key_of(&flow, &key);
    telemetry::TcpSeries& series = now[key];
    ++series.opened;
    series.sent_bytes += flow.received;
    series.received_bytes += flow.sent;
    known(key, directory).has_open = true;
  }
  for (const auto& [key, series] : now) {
    keep_greater(known(key, directory).series, series);
  }
}

void Traffic::add_series(const ByKey::value_type& entry, telemetry::SeriesSnapshot& out) {
  const auto& [key, known] = entry;
  if ((key.reporters & FL_REPORT_SOURCE) != 0) {
    out.tcp.emplace_back(known.source, known.series);
  }
  if ((key.reporters & FL_REPORT_DESTINATION) != 0) {
    out.tcp.emplace_back(known.destination, known.series);
  }
}

void Traffic::add_to(telemetry::SeriesSum& sum) const {
  telemetry::SeriesSnapshot snapshot;
  for (const auto& entry : known_) {
    add_series(entry, snapshot);
  }
  sum.add(snapshot);
  sum.add(retired_);
}

std::vector<fl_traffic_key> Traffic::retire(const Directory& directory) {
  std::vector<fl_traffic_key> gone;
  telemetry::SeriesSnapshot last;
  for (const auto& entry : known_) {
    const auto& [key, known] = entry;
    const bool lives = (key.source_netns != 0 && directory.knows(key.source_netns)) ||
                       (key.destination_netns != 0 && directory.knows(key.destination_netns));
    if (!lives && !known.has_open) {
      add_series(entry, last);
      gone.push_back(key);
    }
  }
  retired_.add(last);
  for (const fl_traffic_key& key : gone) {
    known_.erase(key);
  }
  return gone;
}

}  // namespace fairlead::flow
