// Series as Prometheus text (exposition format 0.0.4), Istio's names and labels. Pure; any thread.
#pragma once

#include "userspace-proxy/telemetry/series.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace fairlead::telemetry {

// Sums of series with equal labels from several arenas and workers, and of those that ended. Not synchronised.
class SeriesSum {
 public:
  void add(const SeriesSnapshot& snapshot);
  void add(const SeriesSum& other);
  // All of PrometheusText. Some 70 KiB per HTTP series: for tests and few series.
  [[nodiscard]] std::string text() const;

 private:
  friend class PrometheusText;
  // By the labels as they are printed, so sorted: series stand in the same order in every scrape.
  std::map<std::string, HttpSeries> http_;
  std::map<std::string, TcpSeries> tcp_;
  uint64_t overflow_ = 0;
};

// The text piece by piece, for an answer that is sent as it is made: HELP and TYPE once per metric, then every series.
// Metrics: istio_requests_total, istio_request_duration_milliseconds, istio_request_bytes, istio_response_bytes,
// istio_tcp_connections_opened_total, istio_tcp_connections_closed_total, istio_tcp_sent_bytes_total,
// istio_tcp_received_bytes_total, and our own fairlead_telemetry_series_overflow_total. A metric without series is
// absent.
class PrometheusText {
 public:
  explicit PrometheusText(SeriesSum sum);
  PrometheusText(const PrometheusText&) = delete;
  PrometheusText& operator=(const PrometheusText&) = delete;
  ~PrometheusText() = default;

  // The next piece, one series of one metric at most (under 64 KiB with labels of usual length), valid until the next
  // call. Empty at the end.
  std::string_view next();

 private:
  template <class Family, class Map>
  void step(const Family& family, const Map& series, typename Map::const_iterator& at);

  SeriesSum sum_;
  size_t family_ = 0;
  std::map<std::string, HttpSeries>::const_iterator http_;
  std::map<std::string, TcpSeries>::const_iterator tcp_;
  std::string piece_;
};

// A label value with backslash, quote and line feed escaped.
std::string escape_label(std::string_view value);

}  // namespace fairlead::telemetry
