#include "userspace-proxy/telemetry/series.h"

#include "userspace-proxy/telemetry/relaxed.h"

#include <cmath>
#include <numeric>

namespace fairlead::telemetry {
namespace {

// The first bucket whose bound is not below the value (Prometheus' `le` includes the bound): first which group of four,
// then where in it. Seven compares that are added up; a search would mispredict its branches, which costs more.
size_t bucket_of(double value) {
  static_assert(kBuckets.size() == 19);
  const auto above = [value](size_t bound) -> size_t { return value > kBuckets[bound] ? 1 : 0; };
  const size_t group = 4 * (above(3) + above(7) + above(11) + above(15));
  return group + above(group) + above(group + 1) + above(group + 2);
}

}  // namespace

void Histogram::observe(double value) {
  add<uint64_t>(buckets[bucket_of(value)], 1);
  add(sum, value);
}

Histogram Histogram::copy() const {
  Histogram result;
  for (size_t i = 0; i < buckets.size(); ++i) {
    result.buckets[i] = load(buckets[i]);
  }
  // A writer that counts through observe() has a finite sum. Any other is not to be trusted, and one NaN would stay in
  // every total that it is added to.
  const double total = load(sum);
  result.sum = std::isfinite(total) ? total : 0;
  return result;
}

uint64_t Histogram::count() const { return std::accumulate(buckets.begin(), buckets.end(), uint64_t{0}); }

Histogram& Histogram::operator+=(const Histogram& other) {
  for (size_t i = 0; i < buckets.size(); ++i) {
    buckets[i] += other.buckets[i];
  }
  sum += other.sum;
  return *this;
}

void HttpSeries::count(double duration, uint64_t request_size, uint64_t response_size) {
  add<uint64_t>(requests, 1);
  duration_ms.observe(duration);
  request_bytes.observe(static_cast<double>(request_size));
  response_bytes.observe(static_cast<double>(response_size));
}

HttpSeries HttpSeries::copy() const {
  return {.requests = load(requests),
          .duration_ms = duration_ms.copy(),
          .request_bytes = request_bytes.copy(),
          .response_bytes = response_bytes.copy()};
}

HttpSeries& HttpSeries::operator+=(const HttpSeries& other) {
  requests += other.requests;
  duration_ms += other.duration_ms;
  request_bytes += other.request_bytes;
  response_bytes += other.response_bytes;
  return *this;
}

void TcpSeries::add_opened() { add<uint64_t>(opened, 1); }
void TcpSeries::add_closed() { add<uint64_t>(closed, 1); }
void TcpSeries::add_sent(uint64_t bytes) { add(sent_bytes, bytes); }
void TcpSeries::add_received(uint64_t bytes) { add(received_bytes, bytes); }

TcpSeries TcpSeries::copy() const {
  return {.opened = load(opened),
          .closed = load(closed),
          .sent_bytes = load(sent_bytes),
          .received_bytes = load(received_bytes)};
}

TcpSeries& TcpSeries::operator+=(const TcpSeries& other) {
  opened += other.opened;
  closed += other.closed;
  sent_bytes += other.sent_bytes;
  received_bytes += other.received_bytes;
  return *this;
}

}  // namespace fairlead::telemetry
