// What happens to a SYN at a pod: to the application, to a proxy's listener, or reset.
#include "tests/bpf/world.h"

#include <arpa/inet.h>

namespace fairlead::test {
namespace {

constexpr uint32_t kSet = 7;

class SteerTest : public DatapathTest {
 protected:
  void SetUp() override {
    DatapathTest::SetUp();
    build_.pod(a());
    build_.pod(b());
    build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
    build_.pod_port(b(), 8080, FL_PROTOCOL_HTTP);
    apply();
    steer(b());
  }
  // The inbound listener of b for a mode: dual-stack on any port, as one listener for both families.
  Fd inbound(fl_mode mode) {
    Fd listener = tagged_listener(b(), FL_TAG_INBOUND, address("::", 0));
    const auto set = datapath_->set_listener(b().cookie, mode, listener.get());
    EXPECT_TRUE(set.has_value()) << set.error().message();
    return listener;
  }
  void set_mode(fl_mode mode) {
    build_.tables.pods[b().cookie].mode = mode;
    apply();
  }
  void policy(std::initializer_list<std::pair<uint32_t, bool>> verdicts) {
    build_.tables.pods[b().cookie].policy_set = kSet;
    for (const auto& [identity, allow] : verdicts) {
      build_.verdict(kSet, identity, allow);
    }
    apply();
  }
};

TEST_F(SteerTest, AStrangerReachesATcpPortThatNothingSelects) {
  const Fd server = listen_on(b().netns, b().at(0));
  const auto client = dial(outside().netns, b().at(port_of(server)));
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
  EXPECT_EQ(count(Reason::STEER_UNTRUSTED_PASS), 1U);
}

TEST_F(SteerTest, AStrangerIsResetWherePolicyWantsAnIdentity) {
  const Fd server = listen_on(b().netns, b().at(0));
  const Fd server6 = listen_on(b().netns, b().at6(0));
  policy({{a().identity, true}});
  EXPECT_EQ(dial(outside().netns, b().at(port_of(server))).error, ECONNREFUSED);
  EXPECT_EQ(dial(outside().netns, b().at6(port_of(server6))).error, ECONNREFUSED);
  EXPECT_EQ(count(Reason::STEER_DENIED), 2U);
  EXPECT_EQ(dial(a().netns, b().at(port_of(server))).error, 0);
}

TEST_F(SteerTest, AStrangerMayBeAllowedByItsBlockAndPort) {
  const Fd server = listen_on(b().netns, b().at(0));
  build_.ip_class(kSet, "10.77.0.9/32", 4);
  build_.verdict(kSet, 0, true, port_of(server), 4);
  policy({});
  EXPECT_EQ(dial(outside().netns, b().at(port_of(server))).error, 0);
  const Fd other = listen_on(b().netns, b().at(0));
  EXPECT_EQ(dial(outside().netns, b().at(port_of(other))).error, ECONNREFUSED);
}

TEST_F(SteerTest, AnHttpPortIsHandedToTheInboundListenerWithoutIdentity) {
  const Fd listener = inbound(FL_MODE_NODE);
  for (const auto& to : {b().at(8080), b().at6(8080)}) {
    const auto client = dial(outside().netns, to);
    ASSERT_EQ(client.error, 0) << to.text();
    const auto accepted = accept_one(listener);
    EXPECT_EQ(accepted.peer, local_of(client.fd));
    EXPECT_EQ(local_of(accepted.fd), to) << "the local address is the one that was dialled";
    const auto answer = connection_of(accepted.fd);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->kind, FL_CONNECTION_NONE);
    EXPECT_EQ(answer->identity, 0U);
    EXPECT_EQ(answer->source_netns, 0U);
    EXPECT_EQ(SocketAddress::from(answer->original), to);
    EXPECT_TRUE(SocketAddress::from(answer->client).ip.is_none());
  }
  EXPECT_EQ(count(Reason::STEER_LISTENER), 2U);
}

TEST_F(SteerTest, AnHttpPortWithoutAListenerIsReset) {
  const Fd server = listen_on(b().netns, b().at(8080));
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, ECONNREFUSED);
  EXPECT_TRUE(is_idle(server)) << "closed, not open";
  EXPECT_EQ(count(Reason::STEER_NO_LISTENER), 1U);
}

TEST_F(SteerTest, AListenerThatWasClosedOrTakenAwayServesNoMore) {
  Fd listener = inbound(FL_MODE_NODE);
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, 0);
  listener.reset();
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, ECONNREFUSED);
  const Fd next = inbound(FL_MODE_NODE);
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, 0);
  ASSERT_TRUE(datapath_->remove_listener(b().cookie, FL_MODE_NODE).has_value());
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, ECONNREFUSED);
  EXPECT_TRUE(datapath_->remove_listener(b().cookie, FL_MODE_NODE).has_value()) << "twice is no error";
}

TEST_F(SteerTest, ALaterListenerTakesOver) {
  const Fd first = inbound(FL_MODE_NODE);
  const Fd second = inbound(FL_MODE_NODE);
  ASSERT_EQ(dial(outside().netns, b().at(8080)).error, 0);
  EXPECT_TRUE(accept_one(second).fd.valid());
  EXPECT_TRUE(is_idle(first));
}

TEST_F(SteerTest, APodInSidecarModeGetsEverythingThroughItsSidecar) {
  const Fd node = inbound(FL_MODE_NODE);
  const Fd sidecar = inbound(FL_MODE_SIDECAR);
  set_mode(FL_MODE_SIDECAR);
  for (const uint16_t port : {uint16_t{8080}, uint16_t{5432}}) {
    ASSERT_EQ(dial(outside().netns, b().at(port)).error, 0);
    EXPECT_EQ(connection_of(accept_one(sidecar).fd)->identity, 0U);
  }
  EXPECT_TRUE(is_idle(node));
}

TEST_F(SteerTest, ASidecarLearnsWhoDialsOnTheKernelPathAndJudgesItself) {
  const Fd sidecar = inbound(FL_MODE_SIDECAR);
  set_mode(FL_MODE_SIDECAR);
  policy({});  // a set without verdicts: whoever is judged here is denied
  const auto client = dial(a().netns, b().at(5432));
  ASSERT_EQ(client.error, 0);
  const auto answer = connection_of(accept_one(sidecar).fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->kind, FL_CONNECTION_KERNEL);
  EXPECT_EQ(answer->identity, a().identity);
  EXPECT_EQ(answer->source_netns, a().cookie);
  EXPECT_EQ(SocketAddress::from(answer->original), b().at(5432));
}

TEST_F(SteerTest, AProxysConnectionFromTheSourcePodBringsItsIdentityAndClient) {
  const Fd listener = inbound(FL_MODE_NODE);
  for (const auto& to : {b().at(8080), b().at6(8080)}) {
    const Fd socket = upstream_socket(a(), to.ip.is_v4() ? AF_INET : AF_INET6);
    const auto client = address("10.77.0.1", 40009);
    ASSERT_EQ(claim(socket, client), 0);
    ASSERT_EQ(connect_to(socket, to), 0);
    const auto accepted = accept_one(listener);
    EXPECT_EQ(accepted.peer, local_of(socket)) << "a proxy sees the leg";
    const auto answer = connection_of(accepted.fd);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->kind, FL_CONNECTION_PROXIED);
    EXPECT_EQ(answer->identity, a().identity);
    EXPECT_EQ(SocketAddress::from(answer->client), client);
  }
}

TEST_F(SteerTest, AProxysConnectionToATcpPortIsJudgedByItsPodsIdentity) {
  const Fd server = listen_on(b().netns, b().at(0));
  policy({{a().identity, true}, {0, false}});
  const Fd socket = upstream_socket(a(), AF_INET);
  const auto client = address("10.77.0.1", 40010);
  ASSERT_EQ(claim(socket, client), 0);
  ASSERT_EQ(connect_to(socket, b().at(port_of(server))), 0);
  EXPECT_EQ(accept_one(server).peer, client);
  build_.tables.policy.clear();
  policy({{0, true}});
  EXPECT_EQ(connect_to(upstream_socket(a(), AF_INET), b().at(port_of(server))), ECONNREFUSED);
}

TEST_F(SteerTest, TheSidecarsOwnConnectionToItsApplicationPasses) {
  const Fd sidecar = inbound(FL_MODE_SIDECAR);
  set_mode(FL_MODE_SIDECAR);
  for (const auto& at : {b().at(0), b().at6(0)}) {
    const Fd server = listen_on(b().netns, at);
    const Fd socket = upstream_socket(b(), at.ip.is_v4() ? AF_INET : AF_INET6);
    ASSERT_EQ(connect_to(socket, SocketAddress{.ip = at.ip, .port = port_of(server)}), 0);
    EXPECT_TRUE(accept_one(server).fd.valid());
  }
  EXPECT_TRUE(is_idle(sidecar));
}

TEST_F(SteerTest, TrafficThatNobodyCanJudgeYetIsReset) {
  const Fd server = listen_on(b().netns, b().at(0));
  build_.pod_port(b(), port_of(server), FL_PROTOCOL_DENY);
  apply();
  EXPECT_EQ(dial(outside().netns, b().at(port_of(server))).error, ECONNREFUSED);
  EXPECT_EQ(count(Reason::L7_ON_OPAQUE), 1U);
}

TEST_F(SteerTest, APodThatIsOffOrUnknownIsLeftAlone) {
  const Fd server = listen_on(b().netns, b().at(8080));
  set_mode(FL_MODE_OFF);
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, 0);
  EXPECT_TRUE(accept_one(server).fd.valid());
  build_.tables.pods.erase(b().cookie);
  apply();
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, 0);
  EXPECT_TRUE(accept_one(server).fd.valid());
}

TEST_F(SteerTest, ListenersOfLoopbackAreLeftAlone) {
  set_mode(FL_MODE_SIDECAR);  // without a listener: all else would be reset
  const Fd server = listen_on(b().netns, address("127.0.0.1", 0));
  EXPECT_EQ(dial(b().netns, address("127.0.0.1", port_of(server))).error, 0);
}

}  // namespace
}  // namespace fairlead::test
