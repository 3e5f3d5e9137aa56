#include "userspace-proxy/telemetry/prometheus.h"

#include "userspace-proxy/telemetry/labels.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

namespace fairlead::telemetry {
namespace {

using Out = std::back_insert_iterator<std::string>;

// The lines of one series of one metric.
template <class Series>
struct Family {
  std::string_view name, type, help;
  void (*write)(Out, std::string_view name, std::string_view labels, const Series&);
};

template <class Series, uint64_t Series::* kValue>
void write_counter(Out out, std::string_view name, std::string_view labels, const Series& series) {
  fmt::format_to(out, "{}{{{}}} {}\n", name, labels, series.*kValue);
}

template <Histogram HttpSeries::* kValue>
void write_histogram(Out out, std::string_view name, std::string_view labels, const HttpSeries& series) {
  const Histogram& histogram = series.*kValue;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < kBuckets.size(); ++i) {
    cumulative += histogram.buckets[i];
    fmt::format_to(out, "{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, kBuckets[i], cumulative);
  }
  cumulative += histogram.buckets.back();
  fmt::format_to(out, "{}_bucket{{{},le=\"+Inf\"}} {}\n", name, labels, cumulative);
  fmt::format_to(out, "{}_sum{{{}}} {}\n", name, labels, histogram.sum);
  fmt::format_to(out, "{}_count{{{}}} {}\n", name, labels, cumulative);
}

constexpr std::array<Family<HttpSeries>, 4> kHttpFamilies = {{
    {"istio_requests_total", "counter", "Requests that ended, by code and response flags.",
     write_counter<HttpSeries, &HttpSeries::requests>},
    {"istio_request_duration_milliseconds", "histogram", "Time from a request's head to the end of its response.",
     write_histogram<&HttpSeries::duration_ms>},
    {"istio_request_bytes", "histogram", "Sizes of request bodies.", write_histogram<&HttpSeries::request_bytes>},
    {"istio_response_bytes", "histogram", "Sizes of response bodies.", write_histogram<&HttpSeries::response_bytes>},
}};

constexpr std::array<Family<TcpSeries>, 4> kTcpFamilies = {{
    {"istio_tcp_connections_opened_total", "counter", "TCP connections opened.",
     write_counter<TcpSeries, &TcpSeries::opened>},
    {"istio_tcp_connections_closed_total", "counter", "TCP connections closed.",
     write_counter<TcpSeries, &TcpSeries::closed>},
    {"istio_tcp_sent_bytes_total", "counter", "Bytes sent to the downstream of TCP connections.",
     write_counter<TcpSeries, &TcpSeries::sent_bytes>},
    {"istio_tcp_received_bytes_total", "counter", "Bytes received from the downstream of TCP connections.",
     write_counter<TcpSeries, &TcpSeries::received_bytes>},
}};

constexpr size_t kLastTcpFamily = kHttpFamilies.size() + kTcpFamilies.size();

void write_label(std::string& text, std::string_view name, std::string_view value) {
  fmt::format_to(std::back_inserter(text), "{}{}=\"{}\"", text.empty() ? "" : ",", name, escape_label(value));
}

// Istio has the response's code and status between the protocol and the flags.
std::string labels_of(const HttpLabelsOwned& labels) {
  std::string text;
  for (const auto& field : kCommonLabels<std::string>) {
    if (field.member == &BasicCommonLabels<std::string>::response_flags) {
      write_label(text, "response_code", fmt::format_int(labels.response_code).c_str());
      write_label(text, "grpc_response_status", labels.grpc_response_status);
    }
    write_label(text, field.name, labels.common.*field.member);
  }
  return text;
}

std::string labels_of(const TcpLabelsOwned& labels) {
  std::string text;
  for (const auto& field : kCommonLabels<std::string>) {
    write_label(text, field.name, labels.common.*field.member);
  }
  return text;
}

void write_head(Out out, std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(out, "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

}  // namespace

void SeriesSum::add(const SeriesSnapshot& snapshot) {
  for (const auto& [labels, values] : snapshot.http) {
    http_[labels_of(labels)] += values;
  }
  for (const auto& [labels, values] : snapshot.tcp) {
    tcp_[labels_of(labels)] += values;
  }
  overflow_ += snapshot.series_overflow;
}

void SeriesSum::add(const SeriesSum& other) {
  for (const auto& [labels, series] : other.http_) {
    http_[labels] += series;
  }
  for (const auto& [labels, series] : other.tcp_) {
    tcp_[labels] += series;
  }
  overflow_ += other.overflow_;
}

std::string SeriesSum::text() const {
  PrometheusText pieces(*this);
  std::string text;
  for (auto piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
    text += piece;
  }
  return text;
}

PrometheusText::PrometheusText(SeriesSum sum)
    : sum_(std::move(sum)), http_(sum_.http_.cbegin()), tcp_(sum_.tcp_.cbegin()) {}

std::string_view PrometheusText::next() {
  piece_.clear();
  while (piece_.empty() && family_ <= kLastTcpFamily) {
    if (family_ < kHttpFamilies.size()) {
      step(kHttpFamilies[family_], sum_.http_, http_);
    } else if (family_ < kLastTcpFamily) {
      step(kTcpFamilies[family_ - kHttpFamilies.size()], sum_.tcp_, tcp_);
    } else {
      constexpr std::string_view kName = "fairlead_telemetry_series_overflow_total";
      write_head(std::back_inserter(piece_), kName, "counter", "Look-ups that found a worker's table of series full.");
      fmt::format_to(std::back_inserter(piece_), "{} {}\n", kName, sum_.overflow_);
      ++family_;
    }
  }
  return piece_;
}

template <class FamilyOf, class Map>
void PrometheusText::step(const FamilyOf& family, const Map& series, typename Map::const_iterator& at) {
  if (at == series.cend()) {
    at = series.cbegin();
    ++family_;
    return;
  }
  if (at == series.cbegin()) {
    write_head(std::back_inserter(piece_), family.name, family.type, family.help);
  }
  family.write(std::back_inserter(piece_), family.name, at->first, at->second);
  ++at;
}

std::string escape_label(std::string_view value) {
  std::string escaped;
  escaped.reserve(value.size());
  for (const char c : value) {
    switch (c) {
      case '\\':
        escaped += "\\\\";
        break;
      case '"':
        escaped += "\\\"";
        break;
      case '\n':
        escaped += "\\n";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace fairlead::telemetry
