// Where a meshed pod's connect() leads: the kernel path with its policy, the outbound listener, or a refusal at once.
#include "tests/bpf/world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>

#include <set>

namespace fairlead::test {
namespace {

constexpr uint32_t kSet = 7;

class KernelPathTest : public DatapathTest {
 protected:
  void SetUp() override {
    DatapathTest::SetUp();
    build_.pod(a());
    build_.pod(b());
    build_.pod(c());
    steer(b());
    steer(c());
  }
  // A listener at b for pod and service `vip`, over TCP.
  Fd serve(const SocketAddress& vip, const SocketAddress& at) {
    Fd server = listen_on(b().netns, at);
    build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
    build_.service(vip, FL_PROTOCOL_TCP, {{.owner = &b(), .address = {.ip = at.ip, .port = port_of(server)}}});
    return server;
  }
  void allow_only(uint32_t identity) {
    build_.tables.pods[b().cookie].policy_set = kSet;
    build_.verdict(kSet, identity, true);
  }

  SocketAddress vip_ = address("10.96.0.10", 5432);
  SocketAddress vip6_ = address("fd96::10", 5432);
};

TEST_F(KernelPathTest, AServiceAddressLeadsToItsEndpointWithNothingBetween) {
  const Fd server = serve(vip_, b().at(0));
  apply();
  const auto client = dial(a().netns, vip_);
  ASSERT_EQ(client.error, 0);
  const auto accepted = accept_one(server);
  EXPECT_EQ(accepted.peer, local_of(client.fd)) << "the application sees the client itself";
  EXPECT_EQ(accepted.peer.ip, a().ip4);
  EXPECT_EQ(peer_of(client.fd), vip_) << "the client sees what it dialled";
  EXPECT_TRUE(carries(client.fd, accepted.fd));
  EXPECT_EQ(count(Reason::KERNEL_PATH), 1U);
  EXPECT_EQ(count(Reason::STEER_PASS), 1U);
}

TEST_F(KernelPathTest, NativeIpv6GoesTheSameWay) {
  const Fd server = serve(vip6_, b().at6(0));
  apply();
  const auto client = dial(a().netns, vip6_);
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
  EXPECT_EQ(peer_of(client.fd), vip6_);
  EXPECT_EQ(count(Reason::STEER_PASS), 1U);
}

TEST_F(KernelPathTest, AnIpv4AddressDialledInMappedFormGoesTheSameWay) {
  const Fd server = serve(vip_, b().at(0));
  allow_only(a().identity);
  apply();
  const auto client = dial(a().netns, vip_, {.family = AF_INET6, .bind = {}});
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
  EXPECT_EQ(peer_of(client.fd), vip_);
  EXPECT_EQ(count(Reason::STEER_PASS), 1U);
}

TEST_F(KernelPathTest, ADualStackListenerTakesBothFamilies) {
  const Fd server = serve(vip_, address("::", 0));
  build_.service(vip_, FL_PROTOCOL_TCP, {{.owner = &b(), .address = b().at(port_of(server))}});
  build_.service(vip6_, FL_PROTOCOL_TCP, {{.owner = &b(), .address = b().at6(port_of(server))}});
  allow_only(a().identity);
  apply();
  for (const auto& vip : {vip_, vip6_}) {
    const auto client = dial(a().netns, vip);
    ASSERT_EQ(client.error, 0) << vip.text();
    EXPECT_EQ(accept_one(server).peer, local_of(client.fd)) << vip.text();
  }
}

TEST_F(KernelPathTest, EndpointsAreChosenAtRandomAndAllOfThemServe) {
  const Fd at_b = listen_on(b().netns, b().at(0));
  const Fd at_c = listen_on(c().netns, c().at(0));
  build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
  build_.pod_port(c(), 0, FL_PROTOCOL_TCP);
  build_.service(
      vip_, FL_PROTOCOL_TCP,
      {{.owner = &b(), .address = b().at(port_of(at_b))}, {.owner = &c(), .address = c().at(port_of(at_c))}});
  apply();
  int to_b = 0;
  constexpr int kDials = 60;
  for (int i = 0; i < kDials; i++) {
    ASSERT_EQ(dial(a().netns, vip_).error, 0);
    to_b += accept_one(at_b, 0).fd.valid() ? 1 : 0;
  }
  // A fair coin misses these bounds once in 10^12 runs.
  EXPECT_GT(to_b, 3);
  EXPECT_LT(to_b, kDials - 3);
}

TEST_F(KernelPathTest, ADeniedServiceConnectionFailsInConnectWithEperm) {
  const Fd server = serve(vip_, b().at(0));
  allow_only(c().identity);
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, EPERM);
  EXPECT_EQ(dial(a().netns, vip_, {.family = AF_INET6, .bind = {}}).error, EPERM);
  EXPECT_EQ(dial(c().netns, vip_).error, 0);
  EXPECT_EQ(count(Reason::POLICY_DENIED), 2U);
}

TEST_F(KernelPathTest, ADialledPodAddressIsPolicedToo) {
  const Fd server = serve(vip_, b().at(0));
  const Fd server6 = listen_on(b().netns, b().at6(0));
  allow_only(c().identity);
  apply();
  EXPECT_EQ(dial(a().netns, b().at(port_of(server))).error, EPERM);
  EXPECT_EQ(dial(a().netns, b().at6(port_of(server6))).error, EPERM);
  const auto allowed = dial(c().netns, b().at(port_of(server)));
  ASSERT_EQ(allowed.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(allowed.fd));
  EXPECT_EQ(peer_of(allowed.fd), b().at(port_of(server)));
}

TEST_F(KernelPathTest, PolicyNamesTheWorkloadsPortNotTheServices) {
  const Fd server = serve(vip_, b().at(0));
  build_.tables.pods[b().cookie].policy_set = kSet;
  build_.verdict(kSet, a().identity, false);
  build_.verdict(kSet, a().identity, true, port_of(server));
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, 0);
  build_.tables.policy.clear();
  build_.verdict(kSet, a().identity, false);
  build_.verdict(kSet, a().identity, true, vip_.port);
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, EPERM);
}

TEST_F(KernelPathTest, PolicyMayTellSourceAddressesApart) {
  const Fd server = serve(vip_, b().at(0));
  build_.tables.pods[b().cookie].policy_set = kSet;
  build_.ip_class(kSet, "10.77.0.0/24", 1);
  build_.ip_class(kSet, "10.77.0.1/32", 2);
  for (const uint32_t identity : {a().identity, c().identity}) {
    build_.verdict(kSet, identity, true, 0, 1);
    build_.verdict(kSet, identity, false, 0, 2);
  }
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, EPERM);
  EXPECT_EQ(dial(c().netns, vip_).error, 0);
}

TEST_F(KernelPathTest, ASourceBoundBeforehandIsTheOneThatIsJudged) {
  const Fd server = serve(vip_, b().at(0));
  a().netns.sh("ip addr replace 10.77.0.51/24 dev eth0");
  build_.tables.pods[b().cookie].policy_set = kSet;
  build_.ip_class(kSet, "10.77.0.51/32", 1);
  build_.verdict(kSet, a().identity, true, 0, 1);
  build_.verdict(kSet, a().identity, false, 0, 0);
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, EPERM);
  const auto bound = dial(a().netns, vip_, {.family = 0, .bind = address("10.77.0.51", 0)});
  EXPECT_EQ(bound.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(bound.fd));
  a().netns.sh("ip addr del 10.77.0.51/24 dev eth0");
}

TEST_F(KernelPathTest, AVerdictThatIsMissingDenies) {
  const Fd server = serve(vip_, b().at(0));
  build_.tables.pods[b().cookie].policy_set = kSet;
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, EPERM);
}

TEST_F(KernelPathTest, APortThatTheServiceLacksIsRefusedAtOnce) {
  const Fd server = serve(vip_, b().at(0));
  apply();
  EXPECT_EQ(dial(a().netns, address("10.96.0.10", 1)).error, ECONNREFUSED);
  EXPECT_EQ(dial(a().netns, address("10.96.0.10", 1), {.family = AF_INET6, .bind = {}}).error, ECONNREFUSED);
  EXPECT_EQ(count(Reason::NO_PORT), 2U);
}

TEST_F(KernelPathTest, AServiceWithoutEndpointsIsRefusedAtOnce) {
  build_.service(vip_, FL_PROTOCOL_TCP, {});
  build_.service(vip6_, FL_PROTOCOL_TCP, {});
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, ECONNREFUSED);
  EXPECT_EQ(dial(a().netns, vip6_).error, ECONNREFUSED);
  EXPECT_EQ(count(Reason::NO_ENDPOINT), 2U);
}

TEST_F(KernelPathTest, APodReachesItselfThroughItsOwnServiceUnderPolicy) {
  const Fd server = serve(vip_, b().at(0));
  allow_only(b().identity);
  apply();
  const auto client = dial(b().netns, vip_);
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
  EXPECT_EQ(peer_of(client.fd), vip_);
  build_.tables.policy.clear();
  allow_only(a().identity);
  apply();
  EXPECT_EQ(dial(b().netns, vip_).error, EPERM);
}

TEST_F(KernelPathTest, ANonBlockingConnectIsDecidedInTheCall) {
  const Fd server = serve(vip_, b().at(0));
  allow_only(a().identity);
  apply();
  const Fd socket = tcp_socket(a().netns, AF_INET);
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  EXPECT_EQ(connect_to(socket, vip_), EINPROGRESS);
  EXPECT_EQ(accept_one(server).peer, local_of(socket));
  pollfd writable{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  EXPECT_EQ(poll(&writable, 1, 3000), 1);
  EXPECT_EQ(connect_to(socket, vip_), 0) << "the second call reports success";
  EXPECT_EQ(peer_of(socket), vip_);
  const Fd denied = tcp_socket(c().netns, AF_INET);
  fcntl(denied.get(), F_SETFL, O_NONBLOCK);
  EXPECT_EQ(connect_to(denied, vip_), EPERM);
}

TEST_F(KernelPathTest, TrafficThatNobodyCanJudgeYetIsRefused) {
  const Fd server = serve(vip_, b().at(0));
  build_.service(vip_, FL_PROTOCOL_DENY, {{.owner = &b(), .address = b().at(port_of(server))}});
  build_.pod_port(b(), port_of(server), FL_PROTOCOL_DENY);
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, EPERM);
  EXPECT_EQ(dial(a().netns, b().at(port_of(server))).error, EPERM);
  EXPECT_EQ(count(Reason::L7_ON_OPAQUE), 2U);
}

TEST_F(KernelPathTest, WhatAnEarlierConnectLeftIsForgotten) {
  const Fd server = serve(vip_, b().at(0));
  const Fd plain = listen_on(outside().netns, outside().at(0));
  apply();
  const Fd socket = tcp_socket(a().netns, AF_INET);
  ASSERT_EQ(connect_to(socket, vip_), 0);
  EXPECT_EQ(peer_of(socket), vip_);
  sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  ASSERT_EQ(connect(socket.get(), &nobody, sizeof(nobody)), 0);
  ASSERT_EQ(connect_to(socket, outside().at(port_of(plain))), 0);
  EXPECT_EQ(peer_of(socket), outside().at(port_of(plain)));
}

class ToProxyTest : public DatapathTest {
 protected:
  void SetUp() override {
    DatapathTest::SetUp();
    build_.pod(a());
    build_.pod(b());
    outbound_ = outbound_listeners(a());
    build_.pod_port(b(), 8080, FL_PROTOCOL_HTTP);
    build_.pod_port(b(), 5432, FL_PROTOCOL_TCP);
    build_.service(vip_, FL_PROTOCOL_HTTP, {});
    build_.service(vip6_, FL_PROTOCOL_HTTP, {});
    apply();
  }
  SocketAddress vip_ = address("10.96.0.20", 80);
  SocketAddress vip6_ = address("fd96::20", 80);
  Outbound outbound_;
};

TEST_F(ToProxyTest, AnHttpServiceLeadsToTheListenerEvenWithoutEndpoints) {
  for (const auto& vip : {vip_, vip6_}) {
    const auto client = dial(a().netns, vip);
    ASSERT_EQ(client.error, 0) << vip.text();
    const auto accepted = accept_one(vip == vip_ ? outbound_.v4 : outbound_.v6);
    const auto answer = connection_of(accepted.fd);
    ASSERT_TRUE(answer.has_value()) << strerror(errno);
    EXPECT_EQ(answer->kind, FL_CONNECTION_OUTBOUND);
    EXPECT_EQ(SocketAddress::from(answer->original), vip);
    EXPECT_EQ(answer->source_netns, a().cookie);
    EXPECT_EQ(answer->identity, a().identity);
    EXPECT_EQ(peer_of(client.fd), vip) << "the client sees what it dialled";
    EXPECT_TRUE(carries(client.fd, accepted.fd));
  }
  EXPECT_EQ(count(Reason::TO_PROXY), 2U);
}

TEST_F(ToProxyTest, AnHttpPortOfAPodLeadsToTheListener) {
  const auto client = dial(a().netns, b().at(8080));
  ASSERT_EQ(client.error, 0);
  const auto answer = connection_of(accept_one(outbound_.v4).fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(SocketAddress::from(answer->original), b().at(8080));
}

TEST_F(ToProxyTest, AMappedDialLeadsToTheIpv4Listener) {
  const auto client = dial(a().netns, vip_, {.family = AF_INET6, .bind = {}});
  ASSERT_EQ(client.error, 0);
  const auto answer = connection_of(accept_one(outbound_.v4).fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(SocketAddress::from(answer->original), vip_);
  EXPECT_EQ(peer_of(client.fd), vip_);
}

TEST_F(ToProxyTest, TheClientSeesItsPodsAddressAsItsOwn) {
  const auto v4 = dial(a().netns, vip_);
  const auto mapped = dial(a().netns, vip_, {.family = AF_INET6, .bind = {}});
  const auto v6 = dial(a().netns, vip6_);
  ASSERT_EQ(v4.error | mapped.error | v6.error, 0);
  const auto first = accept_one(outbound_.v4);
  EXPECT_EQ(local_of(v4.fd), (SocketAddress{.ip = a().ip4, .port = first.peer.port})) << "the port is the true one";
  EXPECT_EQ(local_of(mapped.fd).ip, a().ip4);
  EXPECT_EQ(local_of(v6.fd).ip, a().ip6);
}

TEST_F(ToProxyTest, TheProxySeesTheConnectionAsItIs) {
  ASSERT_EQ(dial(a().netns, vip_).error, 0);
  const auto accepted = accept_one(outbound_.v4);
  EXPECT_TRUE(accepted.peer.ip.is_loopback());
  EXPECT_EQ(local_of(accepted.fd), address("127.0.0.1", port_of(outbound_.v4)));
}

TEST_F(ToProxyTest, ABoundSourceIsKeptOnTheWayToTheListener) {
  const auto client = dial(a().netns, vip_, {.family = 0, .bind = SocketAddress{.ip = a().ip4, .port = 0}});
  ASSERT_EQ(client.error, 0);
  const auto accepted = accept_one(outbound_.v4);
  EXPECT_EQ(accepted.peer, local_of(client.fd));
  const auto answer = connection_of(accepted.fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(SocketAddress::from(answer->original), vip_);
}

TEST_F(ToProxyTest, ANonBlockingConnectReachesTheListener) {
  const Fd socket = tcp_socket(a().netns, AF_INET);
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  EXPECT_EQ(connect_to(socket, vip_), EINPROGRESS);
  const auto answer = connection_of(accept_one(outbound_.v4).fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(SocketAddress::from(answer->original), vip_);
}

TEST_F(ToProxyTest, WithoutAListenerTheConnectionIsRefused) {
  build_.tables.pods[a().cookie].outbound_port4 = 0;
  build_.tables.pods[a().cookie].outbound_port6 = 0;
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, ECONNREFUSED);
  EXPECT_EQ(dial(a().netns, vip_, {.family = AF_INET6, .bind = {}}).error, ECONNREFUSED);
  EXPECT_EQ(dial(a().netns, vip6_).error, ECONNREFUSED);
  EXPECT_EQ(count(Reason::NO_LISTENER), 3U);
}

TEST_F(ToProxyTest, InSidecarModeTcpGoesToTheListenerToo) {
  build_.tables.pods[a().cookie].mode = FL_MODE_SIDECAR;
  apply();
  const auto client = dial(a().netns, b().at(5432));
  ASSERT_EQ(client.error, 0);
  const auto answer = connection_of(accept_one(outbound_.v4).fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(SocketAddress::from(answer->original), b().at(5432));
}

TEST_F(ToProxyTest, ADialOfTheListenerItselfIsNobodysRedirectedConnection) {
  const auto client = dial(a().netns, address("127.0.0.1", port_of(outbound_.v4)));
  ASSERT_EQ(client.error, 0);
  const auto answer = connection_of(accept_one(outbound_.v4).fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->kind, FL_CONNECTION_NONE);
  EXPECT_EQ(answer->identity, 0U);
  EXPECT_EQ(SocketAddress::from(answer->original), address("127.0.0.1", port_of(outbound_.v4)));
}

TEST_F(ToProxyTest, ASwitchOfModeLeavesOpenConnectionsAndMovesNewOnes) {
  const auto before = dial(a().netns, vip_);
  const auto accepted = accept_one(outbound_.v4);
  const Fd sidecar = tagged_listener(a(), FL_TAG_OUTBOUND, address("127.0.0.1", 0));
  build_.tables.pods[a().cookie].mode = FL_MODE_SIDECAR;
  build_.tables.pods[a().cookie].outbound_port4 = htons(port_of(sidecar));
  apply();
  const auto after = dial(a().netns, vip_);
  ASSERT_EQ(after.error, 0);
  EXPECT_TRUE(accept_one(sidecar).fd.valid());
  EXPECT_TRUE(is_idle(outbound_.v4));
  EXPECT_TRUE(carries(before.fd, accepted.fd));
}

}  // namespace
}  // namespace fairlead::test
