#include "agent/bench/evidence.h"

#include <gtest/gtest.h>

namespace fairlead::bench {
namespace {

constexpr Load kHttp1{Load::Kind::kHttp, 1}, kHttp64{Load::Kind::kHttp, 64}, kTcp{Load::Kind::kTcpRoundTrip, 1};

Counters proxied(uint64_t requests, uint64_t connections) {
  return {.requests_source = requests, .requests_destination = requests, .to_proxy = connections};
}

TEST(CheckCounters, TakesAsManyRequestsAsWereSentAndThoseStillUnderWay) {
  for (const Path path : {Path::kNodeHttp, Path::kSidecarPair, Path::kNodeToSidecar, Path::kSidecarToNode}) {
    EXPECT_TRUE(check_counters({path, kHttp64}, proxied(1000, 64), 1000)) << name_of(path);
    EXPECT_TRUE(check_counters({path, kHttp64}, proxied(1064, 65), 1000)) << name_of(path);
    EXPECT_FALSE(check_counters({path, kHttp64}, proxied(1065, 64), 1000)) << name_of(path);
    EXPECT_FALSE(check_counters({path, kHttp64}, proxied(999, 64), 1000)) << name_of(path);
    EXPECT_FALSE(check_counters({path, kHttp64}, {}, 1000)) << name_of(path);
  }
}

TEST(CheckCounters, WantsBothEndsToHaveCounted) {
  Counters counters = proxied(1000, 1);
  counters.requests_destination = 0;
  EXPECT_FALSE(check_counters({Path::kNodeHttp, kHttp1}, counters, 1000));
}

TEST(CheckCounters, WantsNothingCountedWithoutTheMesh) {
  for (const Path path : {Path::kDirect, Path::kNginxPair, Path::kHaproxyPair}) {
    EXPECT_TRUE(check_counters({path, kHttp1}, {}, 1000));
    EXPECT_FALSE(check_counters({path, kHttp1}, proxied(1000, 1), 1000));
    EXPECT_FALSE(check_counters({path, kHttp1}, {.kernel_path = 1}, 1000));
    EXPECT_FALSE(check_counters({path, kHttp1}, {.to_proxy = 1}, 1000));
  }
}

TEST(CheckCounters, WantsTheKernelPathToHaveItsConnectionsAndNoProxyARequest) {
  const Counters enough{.tcp_source = 65, .tcp_destination = 65, .kernel_path = 65};
  EXPECT_TRUE(check_counters({Path::kNodeKernel, kHttp64}, enough, 1000));
  for (uint64_t Counters::* const count : {&Counters::tcp_source, &Counters::tcp_destination, &Counters::kernel_path}) {
    Counters few = enough;
    few.*count = 63;
    EXPECT_FALSE(check_counters({Path::kNodeKernel, kHttp64}, few, 1000));
  }
  EXPECT_FALSE(check_counters({Path::kNodeKernel, kHttp64}, proxied(1000, 64), 1000));
}

TEST(CheckCounters, WantsATcpConnectionToldOfOnceAtEitherEnd) {
  EXPECT_TRUE(check_counters({Path::kSidecarPair, kTcp}, {.tcp_source = 1, .tcp_destination = 1, .to_proxy = 1}, 9));
  EXPECT_FALSE(check_counters({Path::kSidecarPair, kTcp}, {.tcp_source = 1, .to_proxy = 1}, 9));
  EXPECT_TRUE(
      check_counters({Path::kNodeToSidecar, kTcp}, {.tcp_source = 1, .tcp_destination = 1, .kernel_path = 1}, 9));
  EXPECT_FALSE(
      check_counters({Path::kNodeToSidecar, kTcp}, {.tcp_source = 1, .tcp_destination = 2, .kernel_path = 1}, 9));
  EXPECT_FALSE(check_counters({Path::kNodeKernel, kTcp}, {.tcp_source = 1, .kernel_path = 1}, 9));
}

TEST(CheckRecords, WantsExactlyTheHalvesThatThePathLeadsThrough) {
  EXPECT_TRUE(check_records({Path::kDirect, kHttp1}, {}));
  EXPECT_FALSE(check_records({Path::kDirect, kHttp1}, {"node_http"}));
  EXPECT_TRUE(check_records({Path::kNodeKernel, kHttp1}, {"kernel"}));
  EXPECT_FALSE(check_records({Path::kNodeKernel, kHttp1}, {"kernel", "node_http"}));
  EXPECT_TRUE(check_records({Path::kNodeHttp, kHttp1}, {"node_http"}));
  EXPECT_TRUE(check_records({Path::kSidecarPair, kHttp1}, {"sidecar_outbound", "sidecar_inbound"}));
  EXPECT_FALSE(check_records({Path::kSidecarPair, kHttp1}, {"sidecar_outbound", "node_inbound"}));
  EXPECT_TRUE(check_records({Path::kNodeToSidecar, kHttp1}, {"node_http", "sidecar_inbound"}));
  EXPECT_FALSE(check_records({Path::kNodeToSidecar, kHttp1}, {"node_http"}));
  EXPECT_TRUE(check_records({Path::kSidecarToNode, kHttp1}, {"sidecar_outbound", "node_inbound"}));
  EXPECT_TRUE(check_records({Path::kSidecarToNode, kTcp}, {"sidecar_outbound", "kernel"}));
  EXPECT_TRUE(check_records({Path::kNodeToSidecar, kTcp}, {"kernel", "sidecar_inbound"}));
}

}  // namespace
}  // namespace fairlead::bench
