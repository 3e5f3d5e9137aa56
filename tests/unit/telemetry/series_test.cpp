#include "userspace-proxy/telemetry/series.h"

#include "userspace-proxy/telemetry/labels.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

namespace fairlead::telemetry {
namespace {

TEST(Histogram, PutsAValueIntoTheFirstBucketWhoseBoundIsNotBelowIt) {
  for (size_t i = 0; i < kBuckets.size(); ++i) {
    Histogram at, above;
    at.observe(kBuckets[i]);
    above.observe(std::nextafter(kBuckets[i], std::numeric_limits<double>::infinity()));
    EXPECT_EQ(at.buckets[i], 1u) << kBuckets[i];
    EXPECT_EQ(above.buckets[i + 1], 1u) << kBuckets[i];
    EXPECT_EQ(at.count(), 1u);
    EXPECT_EQ(at.sum, kBuckets[i]);
  }
  Histogram zero;
  zero.observe(0);
  EXPECT_EQ(zero.buckets[0], 1u);
}

TEST(Histogram, ReadsASumThatIsNoNumberAsZero) {
  Histogram histogram;
  histogram.sum = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(histogram.copy().sum, 0);
  histogram.sum = std::numeric_limits<double>::infinity();
  EXPECT_EQ(histogram.copy().sum, 0);
}

TEST(HttpSeries, CountsEachDimensionInItsOwnHistogram) {
  HttpSeries series;
  series.count(3.5, 20, 3000);
  series.count(0.2, 0, 1);
  EXPECT_EQ(series.requests, 2u);
  EXPECT_DOUBLE_EQ(series.duration_ms.sum, 3.7);
  EXPECT_EQ(series.duration_ms.buckets[0], 1u);
  EXPECT_EQ(series.duration_ms.buckets[2], 1u);
  EXPECT_EQ(series.request_bytes.sum, 20);
  EXPECT_EQ(series.request_bytes.buckets[4], 1u);
  EXPECT_EQ(series.response_bytes.sum, 3001);
  EXPECT_EQ(series.response_bytes.buckets[11], 1u);
}

TEST(HttpSeries, AddsUp) {
  HttpSeries a, b;
  a.count(1, 2, 3);
  b.count(10, 20, 30);
  b.count(100, 200, 300);
  HttpSeries sum = a;
  sum += b;
  HttpSeries expected;
  expected.count(1, 2, 3);
  expected.count(10, 20, 30);
  expected.count(100, 200, 300);
  EXPECT_EQ(sum, expected);
  EXPECT_EQ(sum.copy(), expected);
}

TEST(TcpSeries, CountsAndAddsUp) {
  TcpSeries series;
  series.add_opened();
  series.add_opened();
  series.add_closed();
  series.add_sent(1000);
  series.add_received(7);
  EXPECT_EQ(series, (TcpSeries{.opened = 2, .closed = 1, .sent_bytes = 1000, .received_bytes = 7}));
  TcpSeries sum = series.copy();
  sum += series;
  EXPECT_EQ(sum, (TcpSeries{.opened = 4, .closed = 2, .sent_bytes = 2000, .received_bytes = 14}));
}

// Under ThreadSanitizer this shows that counting and copying are no data race.
TEST(HttpSeries, MayBeCopiedWhileItCounts) {
  HttpSeries http;
  TcpSeries tcp;
  constexpr uint64_t kRequests = 20'000;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kRequests; ++i) {
      http.count(1, 10, 100);
      tcp.add_sent(3);
    }
    done = true;
  });
  uint64_t last = 0;
  while (!done) {
    const HttpSeries seen = http.copy();
    EXPECT_GE(seen.requests, last);
    last = seen.requests;
    EXPECT_EQ(tcp.copy().sent_bytes % 3, 0u);
  }
  writer.join();
  EXPECT_EQ(http.copy().requests, kRequests);
  EXPECT_EQ(http.copy().response_bytes.sum, 100.0 * kRequests);
}

TEST(Labels, NamesAreDistinctAndIstios) {
  // istio.io/latest/docs/reference/config/metrics, without the two that TCP metrics lack.
  constexpr std::array<std::string_view, 23> kNames = {"reporter",
                                                       "source_workload",
                                                       "source_canonical_service",
                                                       "source_canonical_revision",
                                                       "source_workload_namespace",
                                                       "source_principal",
                                                       "source_app",
                                                       "source_version",
                                                       "source_cluster",
                                                       "destination_workload",
                                                       "destination_workload_namespace",
                                                       "destination_principal",
                                                       "destination_app",
                                                       "destination_version",
                                                       "destination_service",
                                                       "destination_canonical_service",
                                                       "destination_canonical_revision",
                                                       "destination_service_name",
                                                       "destination_service_namespace",
                                                       "destination_cluster",
                                                       "request_protocol",
                                                       "response_flags",
                                                       "connection_security_policy"};
  BasicCommonLabels<std::string> labels;
  for (size_t i = 0; i < kNames.size(); ++i) {
    EXPECT_EQ(kCommonLabels<std::string>[i].name, kNames[i]);
    EXPECT_EQ(kCommonLabels<std::string_view>[i].name, kNames[i]);
    // A member that stands in the list twice would not be empty any more.
    EXPECT_EQ(labels.*kCommonLabels<std::string>[i].member, "");
    labels.*kCommonLabels<std::string>[i].member = kNames[i];
  }
}

}  // namespace
}  // namespace fairlead::telemetry
