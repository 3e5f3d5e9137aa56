// Who may be redirected, and that nobody else is.
#include "tests/bpf/fast_pair.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fairlead::test {
namespace {

using AccelerateTest = FastTest;

TEST_F(AccelerateTest, TheFirstConnectionStaysOnTcpAndTheNextIsRedirectedBothWays) {
  const Pair first = connect_pair();
  EXPECT_TRUE(round_trip(first));
  EXPECT_TRUE(round_trip(first));
  EXPECT_EQ(redirected_from(first.client), 0U);
  const Pair second = connect_pair();
  EXPECT_TRUE(round_trip(second, pattern(1000)));
  EXPECT_EQ(redirected_from(second.client), 1000U);
  EXPECT_EQ(redirected_from(second.server), 1000U);
}

TEST_F(AccelerateTest, ASocketThatConnectsBlockingStaysOut) {
  be_watched();
  const Pair pair = connect_pair(Manner::kBlocking);
  EXPECT_TRUE(round_trip(pair));
  EXPECT_FALSE(leg_of(pair.client));
  EXPECT_FALSE(leg_of(pair.server));
}

TEST_F(AccelerateTest, ConnectionsOfAListenerWhoseSocketsBlockStayOut) {
  be_watched(Manner::kNonBlocking, Manner::kBlocking);
  be_watched(Manner::kNonBlocking, Manner::kBlocking);
  const Pair pair = connect_pair(Manner::kNonBlocking, Manner::kNonBlocking);
  EXPECT_TRUE(round_trip(pair));
  EXPECT_FALSE(leg_of(pair.client));
  EXPECT_FALSE(leg_of(pair.server));
}

// As Java connects with a time limit.
TEST_F(AccelerateTest, ASocketThatConnectsNonBlockingAndBlocksAfterwardsTeachesThatItsKindDoes) {
  const Pair first = connect_pair();
  make_blocking(first.client, true);
  EXPECT_TRUE(round_trip(first));
  EXPECT_TRUE(round_trip(first));
  const Pair second = connect_pair();
  EXPECT_TRUE(round_trip(second));
  EXPECT_FALSE(leg_of(second.client));
}

TEST_F(AccelerateTest, AMemberThatBecomesBlockingGoesOnOverTcpInBothDirectionsAndItsKindStaysOut) {
  const Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  EXPECT_TRUE(is_redirected(pair.client));
  make_blocking(pair.client, true);
  EXPECT_TRUE(round_trip(pair));
  EXPECT_TRUE(round_trip(pair));
  EXPECT_FALSE(is_redirected(pair.client));
  EXPECT_FALSE(is_redirected(pair.server));
  const Pair next = connect_pair();
  EXPECT_FALSE(leg_of(next.client));
}

TEST_F(AccelerateTest, BothPodsHaveToWantIt) {
  be_watched();
  build_.tables.pods[b().cookie].flags = 0;
  apply();
  const Pair pair = connect_pair();
  EXPECT_TRUE(round_trip(pair));
  EXPECT_FALSE(leg_of(pair.client));
  EXPECT_FALSE(leg_of(pair.server));
}

TEST_F(AccelerateTest, NothingJoinsWhileTheSwitchIsOff) {
  be_watched();
  turn(false);
  const Pair pair = connect_pair();
  EXPECT_TRUE(round_trip(pair));
  EXPECT_FALSE(leg_of(pair.client));
}

TEST_F(AccelerateTest, ClosedSocketsLeaveNothingBehind) {
  {
    const Pair pair = fast_pair();
    EXPECT_TRUE(round_trip(pair));
    EXPECT_NE(legs(), 0U);
  }
  EXPECT_TRUE(eventually([&] { return legs() == 0 && maps().meetings.entries()->empty(); }));
}

TEST_F(AccelerateTest, AConnectionThatNobodyAcceptsLeavesNothingBehind) {
  be_watched();
  {
    const Fd client = tcp_socket(a().netns, AF_INET);
    make_blocking(client, false);
    connect_to(client, b().at(kPort));
    EXPECT_TRUE(becomes(client, POLLOUT));
    listener_.reset();
  }
  EXPECT_TRUE(eventually([&] { return legs() == 0 && maps().meetings.entries()->empty(); }));
}

TEST_F(AccelerateTest, MptcpStaysOut) {
  be_watched();
  Fd client = a().netns.in([] { return Fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 262 /* IPPROTO_MPTCP */)); });
  ASSERT_TRUE(client.valid());
  connect_to(client, b().at(kPort));
  EXPECT_TRUE(becomes(client, POLLOUT));
  const Fd server(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
  ASSERT_TRUE(server.valid());
  EXPECT_TRUE(round_trip({std::move(client), Fd(dup(server.get()))}));
  EXPECT_FALSE(leg_of(server));
}

// The proxy's hops: an application and the node proxy's outbound listener in its own pod, and a proxy's socket inside
// the destination and the application there.
TEST_F(AccelerateTest, BothHopsOfAProxyAreRedirected) {
  be_watched();
  const Fd upstream = upstream_socket(b(), AF_INET);
  make_blocking(upstream, false);
  connect_to(upstream, b().at(kPort));
  EXPECT_TRUE(becomes(upstream, POLLOUT));
  const Pair pair{Fd(dup(upstream.get())), Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK))};
  EXPECT_TRUE(round_trip(pair));
  EXPECT_TRUE(is_redirected(pair.client));
  EXPECT_TRUE(is_redirected(pair.server));

  const Outbound outbound = outbound_listeners(a());
  const auto vip = address("10.96.0.1", 80);
  build_.service(vip, FL_PROTOCOL_HTTP, {{.owner = &b(), .address = b().at(kPort)}});
  apply();
  for (const bool joins : {false, true}) {
    Pair hop{.client = tcp_socket(a().netns, AF_INET), .server = {}};
    make_blocking(hop.client, false);
    connect_to(hop.client, vip);
    EXPECT_TRUE(becomes(hop.client, POLLOUT));
    hop.server = Fd(accept4(outbound.v4.get(), nullptr, nullptr, SOCK_NONBLOCK));
    EXPECT_TRUE(round_trip(hop));
    EXPECT_TRUE(round_trip(hop));
    EXPECT_EQ(is_redirected(hop.client), joins);
    EXPECT_EQ(is_redirected(hop.server), joins);
  }
}

// A path of two sidecars has three hops, each with a queue.
TEST_F(AccelerateTest, AHopOfAProxyHoldsHalfOfWhatAConnectionOfTwoApplicationsMayHold) {
  const auto redirected_at_most = [&](const Pair& pair) {
    const std::string bytes = pattern(30'000);
    uint64_t before = 0;
    do {
      before = redirected_from(pair.client);
      EXPECT_TRUE(send_all(pair.client, bytes));
    } while (redirected_from(pair.client) != before);
    return before;
  };
  const Pair direct = fast_pair();
  const uint64_t held = redirected_at_most(direct);
  EXPECT_LE(held, 1024 * 1024U);
  EXPECT_GT(held, 900 * 1024U);

  const Fd upstream = upstream_socket(b(), AF_INET);
  make_blocking(upstream, false);
  connect_to(upstream, b().at(kPort));
  EXPECT_TRUE(becomes(upstream, POLLOUT));
  const Pair hop{Fd(dup(upstream.get())), Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK))};
  const uint64_t held_by_hop = redirected_at_most(hop);
  EXPECT_LE(held_by_hop, 512 * 1024U);
  EXPECT_GT(held_by_hop, 400 * 1024U);
}

}  // namespace
}  // namespace fairlead::test
