#include "agent/bench/mesh.h"

#include <gtest/gtest.h>

namespace fairlead::bench {
namespace {

TEST(ParseCounters, SumsSeriesByReporterAndReason) {
  const Counters counters = parse_counters(
      "HTTP/1.1 200 OK\r\n\r\n"
      "# HELP istio_requests_total Requests.\n"
      "istio_requests_total{reporter=\"source\",response_code=\"200\"} 7\n"
      "istio_requests_total{reporter=\"source\",response_code=\"403\"} 2\n"
      "istio_requests_total{reporter=\"destination\",response_code=\"200\"} 5\n"
      "istio_request_duration_milliseconds_count{reporter=\"source\"} 99\n"
      "istio_tcp_connections_opened_total{reporter=\"destination\"} 3\n"
      "fairlead_kernel_connections_total{reason=\"kernel_path\"} 11\n"
      "fairlead_kernel_connections_total{reason=\"to_proxy\"} 13\n"
      "fairlead_kernel_connections_total{reason=\"steer_pass\"} 17");
  EXPECT_EQ(counters, (Counters{.requests_source = 9,
                                .requests_destination = 5,
                                .tcp_source = 0,
                                .tcp_destination = 3,
                                .kernel_path = 11,
                                .to_proxy = 13}));
}

}  // namespace
}  // namespace fairlead::bench
