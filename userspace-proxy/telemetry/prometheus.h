// Series as Prometheus text (exposition format 0.0.4), Istio's names and labels. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "userspace-proxy/telemetry/arena.h"

namespace fairlead::telemetry {

// Sums of series with equal labels from several arenas and workers, and of those that ended. Not synchronised.
class SeriesSum {
 public:
  void add(const SeriesSnapshot& snapshot);
  // HELP and TYPE once per metric, then every series; stable order. Metrics: istio_requests_total,
  // istio_request_duration_milliseconds, istio_request_bytes, istio_response_bytes, istio_tcp_connections_opened_total,
  // istio_tcp_connections_closed_total, istio_tcp_sent_bytes_total, istio_tcp_received_bytes_total.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::pair<HttpLabelsOwned, HttpSeries>> http_;
  std::vector<std::pair<TcpLabelsOwned, TcpSeries>> tcp_;
  uint64_t overflow_ = 0;
};

// A label value with backslash, quote and line feed escaped.
std::string escape_label(std::string_view value);

}  // namespace fairlead::telemetry
