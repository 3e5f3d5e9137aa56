// The series of Istio's standard metrics (istio.io/latest/docs/reference/config/metrics; facts: names, 25 labels,
// buckets). One HttpSeries holds all HTTP metrics of one label set, one TcpSeries all TCP metrics of one. Plain data
// that lies in the arena: the writer's thread alone counts, through the methods here; anyone may take a `copy()`
// meanwhile, whose fields are each exact but may differ by the request that is just being counted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::telemetry {

// Label values longer than this are cut: a Host field of a client may be 60 KiB long.
inline constexpr size_t kMaxLabelBytes = 512;

// Labels that HTTP and TCP metrics share, in Istio's words. Text is std::string_view while counting, std::string when
// read.
template <class Text>
struct BasicCommonLabels {
  Text reporter;  // "source" or "destination"
  Text source_workload, source_canonical_service, source_canonical_revision, source_workload_namespace;
  Text source_principal, source_app, source_version, source_cluster;
  Text destination_workload, destination_workload_namespace, destination_principal, destination_app,
      destination_version;
  Text destination_service, destination_canonical_service, destination_canonical_revision;
  Text destination_service_name, destination_service_namespace, destination_cluster;
  Text request_protocol;  // "http", "grpc", "tcp"
  Text response_flags;    // "-" if none
  Text connection_security_policy;
  bool operator==(const BasicCommonLabels&) const = default;
};

template <class Text>
struct BasicHttpLabels {
  BasicCommonLabels<Text> common;
  uint16_t response_code = 0;  // 0: none was sent
  Text grpc_response_status;   // empty unless gRPC
  bool operator==(const BasicHttpLabels&) const = default;
};

template <class Text>
struct BasicTcpLabels {
  BasicCommonLabels<Text> common;
  bool operator==(const BasicTcpLabels&) const = default;
};

using HttpLabels = BasicHttpLabels<std::string_view>;
using TcpLabels = BasicTcpLabels<std::string_view>;
using HttpLabelsOwned = BasicHttpLabels<std::string>;
using TcpLabelsOwned = BasicTcpLabels<std::string>;

// Upper bounds of all of Istio's histograms, in ms or bytes; +Inf is the bucket behind them.
inline constexpr std::array<double, 19> kBuckets = {
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000};

// The number of observations is the sum of the buckets: kept once, so that the two never disagree.
struct Histogram {
  std::array<uint64_t, kBuckets.size() + 1> buckets{};  // not cumulative
  double sum = 0;

  void observe(double value);
  [[nodiscard]] Histogram copy() const;
  [[nodiscard]] uint64_t count() const;
  Histogram& operator+=(const Histogram& other);
  bool operator==(const Histogram&) const = default;
};

struct HttpSeries {
  uint64_t requests = 0;
  Histogram duration_ms, request_bytes, response_bytes;

  // Counts one finished request: milliseconds, bytes of the bodies. The writer's thread only.
  void count(double duration, uint64_t request_size, uint64_t response_size);
  [[nodiscard]] HttpSeries copy() const;
  HttpSeries& operator+=(const HttpSeries& other);
  bool operator==(const HttpSeries&) const = default;
};

struct TcpSeries {
  uint64_t opened = 0, closed = 0, sent_bytes = 0, received_bytes = 0;

  // The writer's thread only. Sent is towards the downstream, received from it (Istio's and Kiali's reading).
  void add_opened();
  void add_closed();
  void add_sent(uint64_t bytes);
  void add_received(uint64_t bytes);
  [[nodiscard]] TcpSeries copy() const;
  TcpSeries& operator+=(const TcpSeries& other);
  bool operator==(const TcpSeries&) const = default;
};

// Labels and values as read; texts are copies and valid UTF-8. Series that counted nothing yet are left out.
struct SeriesSnapshot {
  std::vector<std::pair<HttpLabelsOwned, HttpSeries>> http;
  std::vector<std::pair<TcpLabelsOwned, TcpSeries>> tcp;
  uint64_t series_overflow = 0;  // look-ups that found the table full
};

}  // namespace fairlead::telemetry
