// The application sees the true client: what a proxy states on its tagged socket, and who may state or ask what.
#include "tests/bpf/world.h"

#include <arpa/inet.h>

namespace fairlead::test {
namespace {

// What the kernel itself says of an option that it does not know: getsockopt differs between versions.
bool says_unknown(int error) { return error == ENOPROTOOPT || error == EOPNOTSUPP; }

class ClaimTest : public DatapathTest {
 protected:
  void SetUp() override {
    DatapathTest::SetUp();
    build_.pod(a());
    build_.pod(b());
    build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
    apply();
    steer(b());
  }

  // A proxy's connection to the application at b for `client`; what accept() and getpeername() show there.
  struct Seen {
    SocketAddress by_accept, by_getpeername, leg;
  };
  Seen see(const Fd& server, const SocketAddress& to, const SocketAddress& client) {
    const Fd socket = upstream_socket(b(), to.ip.is_v4() ? AF_INET : AF_INET6);
    EXPECT_EQ(claim(socket, client), 0) << strerror(errno);
    EXPECT_EQ(connect_to(socket, to), 0) << strerror(errno);
    const auto accepted = accept_one(server);
    EXPECT_TRUE(accepted.fd.valid());
    EXPECT_EQ(peer_of(socket), to) << "the proxy itself sees where it is connected";
    return {.by_accept = accepted.peer, .by_getpeername = peer_of(accepted.fd), .leg = local_of(socket)};
  }

  const SocketAddress client4_ = address("10.77.0.1", 40001);
  const SocketAddress client6_ = address("fd77::1", 40002);
};

TEST_F(ClaimTest, AnIpv4ApplicationSeesTheClient) {
  const Fd server = listen_on(b().netns, b().at(0));
  const auto seen = see(server, b().at(port_of(server)), client4_);
  EXPECT_EQ(seen.by_accept, client4_);
  EXPECT_EQ(seen.by_getpeername, client4_);
}

TEST_F(ClaimTest, AnIpv6ApplicationSeesTheClient) {
  const Fd server = listen_on(b().netns, b().at6(0));
  const auto seen = see(server, b().at6(port_of(server)), client6_);
  EXPECT_EQ(seen.by_accept, client6_);
  EXPECT_EQ(seen.by_getpeername, client6_);
}

TEST_F(ClaimTest, ADualStackApplicationSeesTheClientOnEitherLeg) {
  const Fd server = listen_on(b().netns, address("::", 0));
  for (const auto& leg : {b().at(port_of(server)), b().at6(port_of(server))}) {
    for (const auto& client : {client4_, client6_}) {
      const auto seen = see(server, leg, client);
      EXPECT_EQ(seen.by_accept, client) << leg.text();
      EXPECT_EQ(seen.by_getpeername, client) << leg.text();
    }
  }
}

TEST_F(ClaimTest, AnIpv4ListenerCannotShowAnIpv6Client) {
  const Fd server = listen_on(b().netns, b().at(0));
  const auto seen = see(server, b().at(port_of(server)), client6_);
  EXPECT_EQ(seen.by_accept, seen.leg);
}

TEST_F(ClaimTest, WithoutAClaimTheApplicationSeesTheProxysSocket) {
  const Fd server = listen_on(b().netns, b().at(0));
  const Fd socket = upstream_socket(b(), AF_INET);
  ASSERT_EQ(connect_to(socket, b().at(port_of(server))), 0);
  EXPECT_EQ(accept_one(server).peer, local_of(socket));
}

TEST_F(ClaimTest, TheApplicationsPolicyIsNotAskedAgain) {
  build_.tables.pods[b().cookie].policy_set = 7;  // without a verdict: denies everybody
  apply();
  const Fd server = listen_on(b().netns, b().at(0));
  EXPECT_EQ(see(server, b().at(port_of(server)), client4_).by_accept, client4_);
}

TEST_F(ClaimTest, APassedDescriptorCarriesTheClaimOfAProcessInAnotherCgroup) {
  // The socket belongs to its creator's cgroup; the process that claims is in the other one. See upstream_socket().
  const Fd socket = upstream_socket(b(), AF_INET6);
  EXPECT_EQ(claim(socket, client6_), 0);
}

TEST_F(ClaimTest, AnUntaggedSocketOfTheAgentsCgroupMayNotClaim) {
  const Fd socket = as_agent([&] { return tcp_socket(b().netns, AF_INET); });
  EXPECT_EQ(claim(socket, client4_), EPERM);
}

TEST_F(ClaimTest, ASocketOfAnApplicationDoesNotKnowTheOptions) {
  const Fd socket = tcp_socket(b().netns, AF_INET);
  EXPECT_EQ(claim(socket, client4_), ENOPROTOOPT);
  EXPECT_FALSE(connection_of(socket).has_value());
  EXPECT_TRUE(says_unknown(errno)) << errno;
}

TEST_F(ClaimTest, AListenerMayNotClaim) {
  const Fd listener = tagged_listener(b(), FL_TAG_INBOUND, address("127.0.0.1", 0));
  EXPECT_EQ(claim(listener, client4_), EPERM);
}

TEST_F(ClaimTest, AClaimOfAnotherSizeIsRefused) {
  const Fd socket = upstream_socket(b(), AF_INET);
  const char bytes[sizeof(fl_sockaddr) + 4] = {};
  for (const socklen_t size : {0, 1, 19, 21, 24}) {
    EXPECT_EQ(setsockopt(socket.get(), FL_SOL, FL_SO_CLAIM, bytes, size), -1) << size;
    EXPECT_EQ(errno, EPERM) << size;
  }
}

TEST_F(ClaimTest, AnUnknownOptionOfTheLevelIsRefused) {
  const Fd socket = upstream_socket(b(), AF_INET);
  const fl_sockaddr raw{};
  EXPECT_EQ(setsockopt(socket.get(), FL_SOL, 77, &raw, sizeof(raw)), -1);
  EXPECT_EQ(errno, EPERM);
  fl_sockaddr answer{};
  socklen_t size = sizeof(answer);
  EXPECT_EQ(getsockopt(socket.get(), FL_SOL, 77, &answer, &size), -1);
  EXPECT_TRUE(says_unknown(errno)) << errno;
}

TEST_F(ClaimTest, OnlyAcceptedSocketsAnswerWhoIsThere) {
  const Fd upstream = upstream_socket(b(), AF_INET);
  EXPECT_FALSE(connection_of(upstream).has_value());
  const Fd untagged = as_agent([&] { return tcp_socket(b().netns, AF_INET); });
  EXPECT_FALSE(connection_of(untagged).has_value());
}

TEST_F(ClaimTest, ATooSmallBufferIsRefused) {
  const Fd listener = tagged_listener(b(), FL_TAG_OUTBOUND, address("127.0.0.1", 0));
  const auto client = dial(b().netns, address("127.0.0.1", port_of(listener)));
  const auto accepted = accept_one(listener);
  char bytes[sizeof(fl_connection_info) - 1];
  socklen_t size = sizeof(bytes);
  EXPECT_EQ(getsockopt(accepted.fd.get(), FL_SOL, FL_SO_CONNECTION, bytes, &size), -1);
  EXPECT_TRUE(says_unknown(errno)) << errno;
}

TEST_F(ClaimTest, OtherOptionsOfOurSocketsWorkAsEver) {
  const Fd socket = upstream_socket(b(), AF_INET);
  const int on = 1;
  EXPECT_EQ(setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)), 0);
  int value = 0;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
  EXPECT_EQ(value, 1);
}

}  // namespace
}  // namespace fairlead::test
