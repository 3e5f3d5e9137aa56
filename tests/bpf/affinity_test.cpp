// Session affinity: a client keeps its endpoint, for as long as that is ready and the client comes back in time.
#include "tests/bpf/served.h"

#include <arpa/inet.h>

#include <algorithm>
#include <barrier>
#include <cmath>
#include <set>
#include <thread>

namespace fairlead::test {
namespace {

constexpr uint32_t kTimeout = 60;

class AffinityTest : public ServedTest {
 protected:
  fl_target& serve_sticky(size_t endpoints, fl_protocol protocol = FL_PROTOCOL_TCP) {
    fl_target& target = serve(endpoints, protocol);
    target.affinity_s = kTimeout;
    apply();
    return target;
  }
  [[nodiscard]] fl_affinity_key key() const {
    return {.client = build_.tables.pods.at(a().cookie).ip4, .service = vip_.raw()};
  }
  [[nodiscard]] fl_affinity entry() const { return maps().affinity.lookup(key())->value(); }
  // The client came last that long ago.
  void idle_for(double seconds) {
    fl_affinity last = entry();
    last.used_ns -= static_cast<uint64_t>(seconds * 1e9);
    ASSERT_TRUE(maps().affinity.update(key(), last).has_value());
  }
};

TEST_F(AffinityTest, AClientKeepsItsEndpoint) {
  serve_sticky(6);
  const size_t first = reached();
  EXPECT_EQ(spread(40)[first], 40);
}

TEST_F(AffinityTest, ClientsAreSpread) {
  serve_sticky(3);
  std::vector<int> counts(3);
  for (uint32_t n = 0; n < 90; n++) {
    become_client(n);
    const size_t first = reached();
    ASSERT_EQ(reached(), first);
    counts[first]++;
  }
  double chi_square = 0;
  for (const int count : counts) {
    chi_square += std::pow(count - 30.0, 2) / 30;
  }
  EXPECT_LT(chi_square, 35) << "two degrees of freedom: beyond it once in 40 million runs";
}

TEST_F(AffinityTest, ConnectionsThatAClientOpensAtOnceMeetAtOneEndpoint) {
  serve_sticky(6);
  constexpr size_t kAtOnce = 8;
  for (uint32_t n = 0; n < 40; n++) {
    become_client(n);
    for (int again = 0; again < 2; again++) {
      std::vector<Fd> sockets;
      for (size_t i = 0; i < kAtOnce; i++) {
        sockets.push_back(tcp_socket(a().netns, AF_INET));
      }
      std::barrier start(kAtOnce);
      std::vector<std::jthread> threads;
      for (const Fd& socket : sockets) {
        threads.emplace_back([&] {
          start.arrive_and_wait();
          EXPECT_EQ(connect_to(socket, vip_), 0);
        });
      }
      threads.clear();
      const SocketAddress kept = SocketAddress::from(entry().endpoint);
      const auto at = std::ranges::find(endpoints_, kept, &TablesBuilder::Endpoint::address);
      for (size_t i = 0; i < kAtOnce; i++) {
        ASSERT_TRUE(accept_one(listeners_[static_cast<size_t>(at - endpoints_.begin())]).fd.valid())
            << "client " << n << ": " << i << " of " << kAtOnce;
      }
    }
  }
}

TEST_F(AffinityTest, EachServiceHasItsOwn) {
  serve_sticky(6);
  const size_t first = reached();
  std::set<size_t> others;
  for (uint16_t port = 6000; port < 6040; port++) {
    vip_.port = port;
    build_.service(vip_, FL_PROTOCOL_TCP, endpoints_).affinity_s = kTimeout;
    apply();
    others.insert(reached());
  }
  EXPECT_GT(others.size(), 1U);
  vip_.port = 5432;
  EXPECT_EQ(reached(), first);
}

TEST_F(AffinityTest, TheTimeCountsFromTheLastUse) {
  serve_sticky(6);
  const size_t first = reached();
  for (int i = 0; i < 20; i++) {
    idle_for(kTimeout - 5);
    ASSERT_EQ(reached(), first);
  }
}

TEST_F(AffinityTest, AfterTheTimeoutTheClientIsBalancedAgain) {
  serve_sticky(6);
  std::set<size_t> seen;
  for (int i = 0; i < 40; i++) {
    seen.insert(reached());
    idle_for(kTimeout + 1);
  }
  EXPECT_GT(seen.size(), 1U);
  const size_t last = reached();
  EXPECT_EQ(reached(), last) << "and keeps what it got then";
}

TEST_F(AffinityTest, AnEndpointKeepsItsClientsWhileOthersComeAndGo) {
  serve_sticky(9);
  lead_to({2, 4, 6});
  apply();
  const size_t first = reached();
  for (const std::vector<size_t>& set : std::vector<std::vector<size_t>>{
           {0, 1, 2, 4, 6}, {2, 4, 6, 8}, {0, 1, 2, 3, 4, 5, 6, 7, 8}, {first}, {first, 8}}) {
    lead_to(set);
    apply();
    for (int i = 0; i < 10; i++) {
      ASSERT_EQ(reached(), first) << set.size();
    }
  }
}

TEST_F(AffinityTest, AnEndpointThatIsGoneIsForgotten) {
  serve_sticky(4);
  const size_t first = reached();
  std::vector<size_t> rest = {0, 1, 2, 3};
  std::erase(rest, first);
  lead_to(rest);
  apply();
  const size_t second = reached();
  EXPECT_NE(second, first);
  lead_to({0, 1, 2, 3});
  apply();
  for (int i = 0; i < 20; i++) {
    ASSERT_EQ(reached(), second) << "the client stays, though its former endpoint is back";
  }
}

TEST_F(AffinityTest, TheFirstChoiceIsTheServicesOwn) {
  fl_target& target = serve_sticky(3);
  target.balance = FL_BALANCE_ROUND_ROBIN;
  build_.tables.turns[target.backends] = 0;
  for (uint32_t n = 0; n < 9; n++) {
    become_client(n);
    EXPECT_EQ(reached(), n % 3);
    EXPECT_EQ(reached(), n % 3);
  }
}

TEST_F(AffinityTest, APodThatIsOffKeepsItsEndpointToo) {
  build_.pod(a(), FL_MODE_OFF);
  serve_sticky(6);
  const size_t first = reached();
  EXPECT_EQ(spread(20)[first], 20);
}

TEST_F(AffinityTest, ASourceThatIsBoundMakesNoOtherClient) {
  serve_sticky(6);
  const size_t first = reached();
  a().netns.sh("ip addr replace 10.77.0.52/24 dev eth0");
  for (int i = 0; i < 20; i++) {
    const auto client = dial(a().netns, vip_, {.family = 0, .bind = address("10.77.0.52", 0)});
    ASSERT_EQ(client.error, 0);
    ASSERT_TRUE(accept_one(listeners_[first]).fd.valid());
  }
  a().netns.sh("ip addr del 10.77.0.52/24 dev eth0");
  EXPECT_EQ(maps().affinity.entries()->size(), 1U);
}

TEST_F(AffinityTest, ItOutlivesTheAgent) {
  serve_sticky(6);
  const size_t first = reached();
  datapath_.reset();
  EXPECT_EQ(reached(), first);
  auto next = kernel::Datapath::open(options_);
  ASSERT_TRUE(next.has_value()) << next.error().message();
  datapath_ = std::move(*next);
  apply();
  EXPECT_EQ(reached(), first);
}

TEST_F(AffinityTest, AProxyIsToldTheEndpointThatIsKept) {
  const Outbound outbound = outbound_listeners(a());
  serve_sticky(6, FL_PROTOCOL_HTTP);
  std::optional<SocketAddress> kept;
  for (int i = 0; i < 10; i++) {
    const auto client = dial(a().netns, vip_);
    ASSERT_EQ(client.error, 0);
    const auto info = connection_of(accept_one(outbound.v4).fd);
    ASSERT_TRUE(info.has_value());
    const SocketAddress told = SocketAddress::from(info->kept);
    EXPECT_EQ(told, kept.value_or(told));
    kept = told;
  }
  EXPECT_NE(std::ranges::find(endpoints_, *kept, &TablesBuilder::Endpoint::address), endpoints_.end()) << kept->text();
}

TEST_F(AffinityTest, TheFirstChoiceForAProxyIsTheServicesOwnToo) {
  const Outbound outbound = outbound_listeners(a());
  fl_target& target = serve_sticky(3, FL_PROTOCOL_HTTP);
  target.balance = FL_BALANCE_ROUND_ROBIN;
  build_.tables.turns[target.backends] = 0;
  for (uint32_t n = 0; n < 9; n++) {
    become_client(n);
    for (int again = 0; again < 2; again++) {
      const auto client = dial(a().netns, vip_);
      ASSERT_EQ(client.error, 0);
      const auto info = connection_of(accept_one(outbound.v4).fd);
      ASSERT_TRUE(info.has_value());
      EXPECT_EQ(SocketAddress::from(info->kept), endpoints_[n % 3].address) << "client " << n;
    }
  }
}

TEST_F(AffinityTest, WithoutItAProxyIsToldNone) {
  const Outbound outbound = outbound_listeners(a());
  serve(6, FL_PROTOCOL_HTTP);
  apply();
  const auto client = dial(a().netns, vip_);
  ASSERT_EQ(client.error, 0);
  const auto info = connection_of(accept_one(outbound.v4).fd);
  ASSERT_TRUE(info.has_value());
  EXPECT_TRUE(SocketAddress::from(info->kept).ip.is_none());
}

}  // namespace
}  // namespace fairlead::test
