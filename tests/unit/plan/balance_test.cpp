// Which endpoint the proxy takes: by the cluster's way to balance, and what session affinity keeps.
#include "userspace-proxy/plan/balance.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace fairlead::plan {
namespace {

using config::Balance;

SocketAddress at(uint32_t n, uint16_t port = 8080) {
  return {.ip = IpAddress::from_v4({.s_addr = htonl(0x0a000000 + n)}), .port = port};
}

class State : public BalanceState {
 public:
  [[nodiscard]] uint32_t active(const SocketAddress& endpoint) const override {
    const auto found = busy.find(endpoint);
    return found != busy.end() ? found->second : 0;
  }
  uint32_t next_turn(const config::Cluster&) override { return turn++; }

  std::map<SocketAddress, uint32_t> busy;
  uint32_t turn = 0;
};

class BalanceTest : public testing::Test {
 protected:
  BalanceTest() { become(1); }

  void fill(uint32_t count, Balance balance) {
    cluster_.endpoints.clear();
    for (uint32_t n = 1; n <= count; ++n) {
      cluster_.endpoints.push_back({.address = at(n)});
    }
    cluster_.ipv4_count = count;
    cluster_.balance = balance;
    if (balance == Balance::kSource) {
      std::vector<SocketAddress> addresses;
      for (const auto& endpoint : cluster_.endpoints) {
        addresses.push_back(endpoint.address);
      }
      cluster_.ipv4_ring.emplace(addresses);
    }
  }
  void become(uint32_t client) { client_.ips = {at(0x640000 + client).ip}; }
  // The endpoint's address; none if there is none.
  SocketAddress choose() {
    const Outbound from{.snapshot = *snapshot_,
                        .shape = Shape::kNode,
                        .source = client_,
                        .dialled = dialled_,
                        .kept = kept_,
                        .random = random_(),
                        .state = state_};
    const config::Endpoint* chosen = choose_endpoint(cluster_, from);
    return chosen != nullptr ? chosen->address : SocketAddress();
  }

  std::shared_ptr<const config::Snapshot> snapshot_ = config::Snapshot::parse({}).value();
  config::Cluster cluster_;
  config::Workload client_;
  SocketAddress dialled_{.ip = IpAddress::parse("10.96.0.1").value(), .port = 80};
  SocketAddress kept_;
  State state_;
  std::mt19937_64 random_{7};
};

TEST_F(BalanceTest, RoundRobinTakesTurns) {
  fill(3, Balance::kRoundRobin);
  for (uint32_t i = 0; i < 9; ++i) {
    EXPECT_EQ(choose(), at(1 + i % 3));
  }
}

TEST_F(BalanceTest, AtRandomEveryEndpointGetsItsShareHoweverBusy) {
  fill(4, Balance::kRandom);
  state_.busy[at(1)] = 100;
  std::map<SocketAddress, int> counts;
  for (int i = 0; i < 4000; ++i) {
    ++counts[choose()];
  }
  for (uint32_t n = 1; n <= 4; ++n) {
    EXPECT_NEAR(counts[at(n)], 1000, 150);
  }
}

TEST_F(BalanceTest, TheLessLoadedOfTwoIsTakenAlsoWhereNobodySaysHow) {
  for (const Balance balance : {Balance::kLeastRequest, Balance::kUnspecified}) {
    fill(4, balance);
    state_.busy = {{at(2), 100}};
    std::set<SocketAddress> seen;
    for (int i = 0; i < 200; ++i) {
      seen.insert(choose());
    }
    EXPECT_EQ(seen, (std::set{at(1), at(3), at(4)}));
  }
}

TEST_F(BalanceTest, BySourceAClientHasOneEndpointAndClientsAreSpread) {
  fill(5, Balance::kSource);
  std::map<SocketAddress, int> counts;
  for (uint32_t client = 0; client < 1000; ++client) {
    become(client);
    const SocketAddress first = choose();
    ASSERT_EQ(choose(), first);
    EXPECT_EQ(first, cluster_.endpoints[cluster_.ipv4_ring->pick(client_.ips[0])].address);
    ++counts[first];
  }
  EXPECT_EQ(counts.size(), 5U);
}

TEST_F(BalanceTest, WithAffinityTheKeptEndpointIsTaken) {
  fill(5, Balance::kRoundRobin);
  cluster_.affinity = std::chrono::seconds(60);
  kept_ = at(4);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(choose(), at(4));
  }
}

TEST_F(BalanceTest, WithoutAffinityWhatIsKeptForAnotherServiceCountsForNothing) {
  fill(2, Balance::kRoundRobin);
  kept_ = at(2);
  EXPECT_NE(choose(), choose());
}

TEST_F(BalanceTest, AKeptEndpointThatTheClusterLacksIsReplacedByOneForAllRequestsOfTheClient) {
  fill(5, Balance::kUnspecified);
  cluster_.affinity = std::chrono::seconds(60);
  std::set<SocketAddress> seen;
  for (uint32_t client = 0; client < 50; ++client) {
    become(client);
    kept_ = at(9);
    const SocketAddress first = choose();
    kept_ = {};
    EXPECT_EQ(choose(), first);
    seen.insert(first);
  }
  EXPECT_EQ(seen.size(), 5U);
}

TEST_F(BalanceTest, OfAHeadlessServiceTheDialledPodIsTaken) {
  fill(3, Balance::kUnspecified);
  cluster_.original_destination = true;
  dialled_ = at(3, 80);
  EXPECT_EQ(choose(), at(3));
}

TEST_F(BalanceTest, NoEndpointIsNone) {
  fill(0, Balance::kRoundRobin);
  EXPECT_EQ(choose(), SocketAddress());
  cluster_.affinity = std::chrono::seconds(60);
  EXPECT_EQ(choose(), SocketAddress());
}

}  // namespace
}  // namespace fairlead::plan
