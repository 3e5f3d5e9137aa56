// How connect() chooses among the endpoints of a service.
#include "bpf/user/link.h"
#include "bpf/user/pins.h"
#include "tests/bpf/served.h"
#include "userspace-proxy/config/source_ring.h"

#include <sys/socket.h>

#include <algorithm>
#include <cmath>

namespace fairlead::test {
namespace {

class BalanceTest : public ServedTest {
 protected:
  // The service counts the connections of its endpoints.
  void serve_by_load(size_t endpoints) {
    serve(endpoints).balance = FL_BALANCE_LEAST_CONNECTIONS;
    for (const auto& endpoint : endpoints_) {
      build_.tables.loads[endpoint.address.raw()] = {};
    }
    apply();
  }
  [[nodiscard]] int64_t open_at(size_t endpoint) const {
    return maps().loads.lookup(endpoints_[endpoint].address.raw())->value().open;
  }
  [[nodiscard]] bool becomes(size_t endpoint, int64_t open) const {
    return eventually([&] { return open_at(endpoint) == open; });
  }
  void set_load(size_t endpoint, int64_t open) {
    auto opened = maps();
    const fl_sockaddr key = endpoints_[endpoint].address.raw();
    fl_load load = opened.loads.lookup(key)->value();
    load.open = open;
    ASSERT_TRUE(opened.loads.update(key, load).has_value());
  }
};

TEST_F(BalanceTest, AtRandomEveryEndpointGetsItsShare) {
  serve(4);
  apply();
  constexpr int kDials = 400;
  double chi_square = 0;
  for (const int count : spread(kDials)) {
    chi_square += std::pow(count - kDials / 4.0, 2) / (kDials / 4.0);
  }
  EXPECT_LT(chi_square, 38) << "three degrees of freedom: beyond it once in 30 million runs";
}

TEST_F(BalanceTest, RoundRobinTakesTurnsWhoeverDials) {
  fl_target& target = serve(3);
  target.balance = FL_BALANCE_ROUND_ROBIN;
  build_.tables.turns[target.backends] = 7;
  apply();
  const size_t first = reached();
  for (size_t i = 1; i < 30; i++) {
    become_client(static_cast<uint32_t>(i));
    ASSERT_EQ(reached(), (first + i) % 3) << "dial " << i;
  }
}

TEST_F(BalanceTest, ASetWithoutATurnIsBalancedAtRandom) {
  serve(2).balance = FL_BALANCE_ROUND_ROBIN;
  apply();
  const auto counts = spread(60);
  EXPECT_GT(std::ranges::min(counts), 3);
}

TEST_F(BalanceTest, OfTwoEndpointsTheOneWithFewerOpenConnectionsIsTaken) {
  serve_by_load(2);
  for (int i = 0; i < 10; i++) {
    reached(Keep::kOpen);
  }
  EXPECT_EQ(open_at(0), 5);
  EXPECT_EQ(open_at(1), 5);
  std::erase_if(held_, [](const Held& held) { return held.endpoint == 0; });
  ASSERT_TRUE(becomes(0, 0));
  for (int i = 0; i < 5; i++) {
    EXPECT_EQ(reached(Keep::kOpen), 0U);
  }
  held_.clear();
  EXPECT_TRUE(becomes(0, 0) && becomes(1, 0));
}

TEST_F(BalanceTest, OfManyEndpointsTheBusiestIsNeverTakenAndTheOthersAre) {
  serve_by_load(4);
  set_load(2, 1'000'000);
  const auto counts = spread(120);
  EXPECT_EQ(counts[2], 0);
  for (const size_t other : {0, 1, 3}) {
    EXPECT_GT(counts[other], 10) << other;
  }
}

TEST_F(BalanceTest, AConnectionCountsUntilItsSocketIsClosedHoweverThatHappens) {
  serve_by_load(1);
  reached(Keep::kOpen);
  ASSERT_EQ(open_at(0), 1);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(held_[0].server.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  held_[0].server = Fd();
  EXPECT_TRUE(becomes(0, 0)) << "reset by the server";

  const Fd socket = tcp_socket(a().netns, AF_INET);
  ASSERT_EQ(connect_to(socket, vip_), 0);
  ASSERT_EQ(open_at(0), 1);
  sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  ASSERT_EQ(connect(socket.get(), &nobody, sizeof nobody), 0);
  EXPECT_TRUE(becomes(0, 0)) << "disconnected";
  ASSERT_EQ(connect_to(socket, vip_), 0);
  EXPECT_EQ(open_at(0), 1) << "and connected again";

  listeners_.clear();
  EXPECT_EQ(dial(a().netns, vip_).error, ECONNREFUSED);
  EXPECT_TRUE(becomes(0, 0)) << "refused";
}

TEST_F(BalanceTest, OnlyConnectionsThatWereBalancedAreCounted) {
  serve_by_load(2);
  const auto direct = dial(a().netns, endpoints_[0].address);
  ASSERT_EQ(direct.error, 0);
  EXPECT_EQ(open_at(0), 0);
}

TEST_F(BalanceTest, AnEndpointThatComesBackCountsFromZero) {
  serve_by_load(2);
  for (int i = 0; i < 4; i++) {
    reached(Keep::kOpen);
  }
  const fl_sockaddr back = endpoints_[0].address.raw();
  build_.tables.loads.erase(back);
  apply();
  build_.tables.loads[back] = {};
  apply();
  EXPECT_EQ(open_at(0), 0);
  held_.clear();
  ASSERT_TRUE(becomes(1, 0));
  EXPECT_EQ(open_at(0), 0) << "what was counted before is not taken off";
}

TEST_F(BalanceTest, CountsAndTurnsOutliveTheAgent) {
  serve_by_load(2);
  reached(Keep::kOpen);
  datapath_.reset();
  ASSERT_EQ(open_at(0) + open_at(1), 1);
  reached(Keep::kOpen);
  EXPECT_EQ(open_at(0), 1) << "balanced without an agent";
  EXPECT_EQ(open_at(1), 1);
  held_.erase(held_.begin());
  auto next = kernel::Datapath::open(options_);
  ASSERT_TRUE(next.has_value()) << next.error().message();
  datapath_ = std::move(*next);
  apply();
  const size_t free = 1 - held_[0].endpoint;
  EXPECT_TRUE(becomes(free, 0));
  EXPECT_EQ(open_at(1 - free), 1);
  EXPECT_EQ(reached(Keep::kOpen), free);
}

TEST_F(BalanceTest, AfterATimeWithoutSockOpsConnectionsOfBeforeCountNoMore) {
  serve_by_load(2);
  reached(Keep::kOpen);
  reached(Keep::kOpen);
  ASSERT_EQ(open_at(0) + open_at(1), 2);
  datapath_.reset();
  ASSERT_TRUE(bpf::detach(bpf::PinDir::open(options_.pin_dir)->link("sock_ops")).has_value());
  held_.pop_back();  // nobody sees it
  auto next = kernel::Datapath::open(options_);
  ASSERT_TRUE(next.has_value()) << next.error().message();
  datapath_ = std::move(*next);
  apply();
  EXPECT_EQ(open_at(0) + open_at(1), 0);
  held_.clear();
  reached();
  ASSERT_TRUE(becomes(0, 0) && becomes(1, 0)) << "and are not taken off";
}

TEST_F(BalanceTest, BySourceTheKernelChoosesAsTheRingDoes) {
  fl_target& target = serve(5);
  std::vector<SocketAddress> addresses;
  std::ranges::transform(endpoints_, std::back_inserter(addresses), &TablesBuilder::Endpoint::address);
  const config::SourceRing ring(addresses);
  target.balance = FL_BALANCE_SOURCE;
  target.slot_bits = static_cast<__u8>(ring.bits());
  for (uint32_t slot = 0; slot < ring.slots().size(); slot++) {
    fl_slots& block = build_.tables.slots[{.set = target.backends, .index = slot / FL_SLOTS_PER_BLOCK, .pad = 0}];
    block.index[slot % FL_SLOTS_PER_BLOCK] = ring.slots()[slot];
  }
  std::vector<int> counts(5);
  for (uint32_t n = 0; n < 60; n++) {
    become_client(n);
    const IpAddress client(build_.tables.pods[a().cookie].ip4);
    const size_t expected = ring.pick(client);
    ASSERT_EQ(reached(), expected) << client.text();
    counts[expected]++;
  }
  EXPECT_EQ(reached(), reached());
  EXPECT_GT(std::ranges::min(counts), 0) << "clients are spread";
}

TEST_F(BalanceTest, APodThatIsOffIsBalancedAtRandom) {
  build_.pod(a(), FL_MODE_OFF);
  serve_by_load(2);
  set_load(0, 1'000'000);
  EXPECT_GT(spread(60)[0], 3);
}

}  // namespace
}  // namespace fairlead::test
