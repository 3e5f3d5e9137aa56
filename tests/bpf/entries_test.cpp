// The connection table: what an entry says, and that it ends with the handshake or with the socket that made it.
#include "tests/bpf/raw_syn.h"
#include "tests/bpf/world.h"

#include <arpa/inet.h>
#include <fcntl.h>

namespace fairlead::test {
namespace {

constexpr uint32_t kSet = 7;

class EntriesTest : public DatapathTest {
 protected:
  void SetUp() override {
    DatapathTest::SetUp();
    build_.pod(a());
    build_.pod(b());
    build_.pod(c());
    build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
    for (const char* ip : {"10.77.0.77", "fd77::77"}) {  // a pod of this node that never answers
      build_.tables.targets[{.ip = IpAddress::parse(ip)->raw(), .port = 0, .pad = 0}] = {.owner = c().cookie,
                                                                                         .backends = 0,
                                                                                         .count = 0,
                                                                                         .peer_class = 0,
                                                                                         .kind = FL_TARGET_POD,
                                                                                         .protocol = FL_PROTOCOL_TCP,
                                                                                         .balance = FL_BALANCE_RANDOM,
                                                                                         .slot_bits = 0,
                                                                                         .affinity_s = 0};
    }
    apply();
    steer(b());
  }

  // A connection that stays in SYN_SENT.
  Fd dial_silence(const std::string& ip) {
    Fd socket = tcp_socket(a().netns, ip.contains(':') ? AF_INET6 : AF_INET);
    fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    EXPECT_EQ(connect_to(socket, address(ip, 9)), EINPROGRESS);
    return socket;
  }
  int64_t share_of(const Pod& pod) { return (*maps().shares.lookup(pod.cookie)).value_or(0); }
};

TEST_F(EntriesTest, AnEntryNamesTheDiallingPodBeforeAnythingIsAnswered) {
  for (const std::string ip : {"10.77.0.77", "fd77::77"}) {
    Fd socket = dial_silence(ip);
    const auto entries = connections();
    ASSERT_EQ(entries.size(), 1U);
    const auto& [key, entry] = entries.front();
    EXPECT_EQ((SocketAddress{.ip = IpAddress(key.source), .port = ntohs(key.source_port)}), local_of(socket));
    EXPECT_EQ(IpAddress(key.destination), *IpAddress::parse(ip));
    EXPECT_EQ(ntohs(key.destination_port), 9);
    EXPECT_EQ(key.netns, 0U) << "no end is a loopback address";
    EXPECT_EQ(entry.kind, FL_CONNECTION_KERNEL);
    EXPECT_EQ(entry.identity, a().identity);
    EXPECT_EQ(entry.source_netns, a().cookie);
    EXPECT_EQ(share_of(a()), 1);
    socket.reset();
    EXPECT_TRUE(no_connections_left());
    EXPECT_EQ(share_of(a()), 0);
  }
}

TEST_F(EntriesTest, AnEntryIsGoneOnceTheConnectionIsAccepted) {
  const Fd server = listen_on(b().netns, b().at(0));
  const auto client = dial(a().netns, b().at(port_of(server)));
  ASSERT_EQ(client.error, 0);
  const auto accepted = accept_one(server);
  ASSERT_TRUE(accepted.fd.valid());
  EXPECT_TRUE(connections().empty());
  EXPECT_EQ(share_of(a()), 0);
}

TEST_F(EntriesTest, AnEntryOfARedirectedConnectionIsGoneTooOnceAccepted) {
  const auto outbound = outbound_listeners(a());
  build_.pod_port(b(), 80, FL_PROTOCOL_HTTP);
  apply();
  const auto client = dial(a().netns, b().at(80));
  ASSERT_EQ(client.error, 0);
  EXPECT_TRUE(accept_one(outbound.v4).fd.valid());
  EXPECT_TRUE(connections().empty());
}

TEST_F(EntriesTest, ARefusedConnectionLeavesNoEntry) {
  EXPECT_EQ(dial(a().netns, b().at(1)).error, ECONNREFUSED);
  EXPECT_TRUE(no_connections_left());
  EXPECT_EQ(share_of(a()), 0);
}

TEST_F(EntriesTest, ARedirectToAPortWhereNobodyListensIsRefusedAndLeavesNoEntry) {
  build_.tables.pods[a().cookie].outbound_port4 = htons(1);
  build_.pod_port(b(), 80, FL_PROTOCOL_HTTP);
  apply();
  EXPECT_EQ(dial(a().netns, b().at(80)).error, ECONNREFUSED);
  EXPECT_TRUE(no_connections_left());
}

TEST_F(EntriesTest, AnAbandonedConnectByUnspecifiedAddressLeavesNoEntry) {
  const Fd socket = dial_silence("10.77.0.77");
  sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  ASSERT_EQ(connect(socket.get(), &nobody, sizeof(nobody)), 0);
  EXPECT_TRUE(no_connections_left());
}

TEST_F(EntriesTest, ASocketEndsItsOwnEntryOnly) {
  Fd socket = dial_silence("10.77.0.77");
  auto opened = maps();
  auto [key, entry] = connections().front();
  entry.socket_cookie++;  // as if another socket had the tuple by now
  ASSERT_TRUE(opened.connections.update(key, entry).has_value());
  socket.reset();
  EXPECT_EQ(connections().size(), 1U);
}

TEST_F(EntriesTest, LoopbackTuplesOfTwoPodsAreKeptApart) {
  build_.pod_port(b(), 80, FL_PROTOCOL_HTTP);
  const auto at_a = outbound_listeners(a());
  const uint16_t port = port_of(at_a.v4);
  const Fd at_c = tagged_listener(c(), FL_TAG_OUTBOUND, address("127.0.0.1", port));
  build_.tables.pods[c().cookie].outbound_port4 = htons(port);
  apply();
  // Pod c's connection stays in SYN_SENT, with its entry: the listener's queue is full.
  ASSERT_EQ(listen(at_c.get(), 0), 0);
  const auto fills = dial(c().netns, b().at(80));
  ASSERT_EQ(fills.error, 0);
  const auto source = address("127.0.0.1", 40123);
  const Fd waiting = tcp_socket(c().netns, AF_INET);
  sockaddr_storage storage{};
  const socklen_t size = source.to(storage, AF_INET);
  ASSERT_EQ(bind(waiting.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
  fcntl(waiting.get(), F_SETFL, O_NONBLOCK);
  ASSERT_EQ(connect_to(waiting, b().at(80)), EINPROGRESS);
  ASSERT_EQ(connections().size(), 1U);
  // Pod a's has the same addresses and ports.
  const auto client = dial(a().netns, b().at(80), {.family = 0, .bind = source});
  ASSERT_EQ(client.error, 0);
  const auto answer = connection_of(accept_one(at_a.v4).fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->identity, a().identity);
  const auto left = connections();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left.front().second.identity, c().identity);
}

TEST_F(EntriesTest, OnlyMeshedDestinationsGetEntries) {
  const Fd server = listen_on(outside().netns, outside().at(0));
  const auto client = dial(a().netns, outside().at(port_of(server)));
  ASSERT_EQ(client.error, 0);
  EXPECT_TRUE(connections().empty());
  EXPECT_FALSE(maps().shares.lookup(a().cookie)->has_value());
}

// Hand-made segments, from a pod with NET_RAW: identity comes from the table alone.
class ForgeryTest : public EntriesTest {
 protected:
  void SetUp() override {
    EntriesTest::SetUp();
    build_.tables.pods[b().cookie].policy_set = kSet;
    build_.verdict(kSet, c().identity, true);
    build_.verdict(kSet, 0, false);
    apply();
  }
  void expect_denied(const Fd& server) {
    EXPECT_TRUE(reaches(Reason::STEER_DENIED, 1));
    EXPECT_EQ(count(Reason::STEER_PASS), passed_before_);
    EXPECT_TRUE(is_idle(server));
  }
  uint64_t passed_before_ = 0;
};

TEST_F(ForgeryTest, ASynUnderAnotherPodsAddressHasNoIdentity) {
  const Fd server = listen_on(b().netns, b().at(0));
  send_raw_syn(a().netns, c().at(40000), b().at(port_of(server)));
  expect_denied(server);
}

TEST_F(ForgeryTest, TheSameOverIpv6) {
  const Fd server = listen_on(b().netns, b().at6(0));
  send_raw_syn(a().netns, c().at6(40000), b().at6(port_of(server)));
  expect_denied(server);
}

TEST_F(ForgeryTest, ASynByHandHasNotEvenItsOwnPodsIdentity) {
  build_.tables.policy.clear();
  build_.verdict(kSet, a().identity, true);
  build_.verdict(kSet, 0, false);
  apply();
  const Fd server = listen_on(b().netns, b().at6(0));
  send_raw_syn(a().netns, a().at6(40000), b().at6(port_of(server)));
  expect_denied(server);
}

TEST_F(ForgeryTest, TheTupleOfAConnectionWhoseServerIsGoneCannotBeUsedAgain) {
  for (const bool v6 : {false, true}) {
    const auto at = [&](const Pod& pod, uint16_t port) { return v6 ? pod.at6(port) : pod.at(port); };
    const Fd server = listen_on(b().netns, at(b(), 0));
    const auto client = dial(c().netns, at(b(), port_of(server)));
    ASSERT_EQ(client.error, 0);
    auto accepted = accept_one(server);
    // The server's socket goes, and its RST gets lost: the client's stays open, with this tuple.
    const std::string neighbour = at(c(), 0).ip.text();
    b().netns.sh("ip neigh replace " + neighbour + " lladdr 02:00:00:00:00:66 dev eth0 nud permanent");
    const linger reset{.l_onoff = 1, .l_linger = 0};
    setsockopt(accepted.fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    accepted.fd.reset();
    const uint64_t denied = count(Reason::STEER_DENIED);
    passed_before_ = count(Reason::STEER_PASS);
    send_raw_syn(a().netns, local_of(client.fd), at(b(), port_of(server)));
    EXPECT_TRUE(reaches(Reason::STEER_DENIED, denied + 1));
    expect_denied(server);
    b().netns.sh("ip neigh del " + neighbour + " dev eth0");
  }
}

}  // namespace
}  // namespace fairlead::test
