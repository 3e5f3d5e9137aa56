// Full tables refuse trust, never grant it.
#include "tests/bpf/world.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

namespace fairlead::test {
namespace {

constexpr uint32_t kSet = 7;

class LimitsTest : public DatapathTest {
 protected:
  void SetUp() override {
    DatapathTest::SetUp();
    build_.pod(a());
    build_.pod(b()).policy_set = kSet;
    build_.pod(c());
    outbound_ = outbound_listeners(a());
    build_.verdict(kSet, a().identity, true);
    build_.verdict(kSet, c().identity, true);
    build_.verdict(kSet, 0, false);
    build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
    build_.pod_port(b(), 80, FL_PROTOCOL_HTTP);
    apply();
    steer(b());
    server_ = listen_on(b().netns, b().at(0));
    to_ = b().at(port_of(server_));
  }
  Outbound outbound_;
  Fd server_;
  SocketAddress to_;
};

TEST_F(LimitsTest, APodBeyondItsShareLosesItsIdentityAndOthersKeepTheirs) {
  auto opened = maps();
  ASSERT_TRUE(opened.shares.update(a().cookie, FL_CONNECTIONS_PER_POD).has_value());
  EXPECT_EQ(dial(a().netns, to_).error, ECONNREFUSED) << "judged as a stranger where it arrives";
  EXPECT_EQ(count(Reason::TABLE_FULL), 1U);
  EXPECT_EQ(count(Reason::STEER_DENIED), 1U);
  EXPECT_EQ(dial(c().netns, to_).error, 0);
  EXPECT_EQ(**opened.shares.lookup(a().cookie), FL_CONNECTIONS_PER_POD) << "what found no room counts for nothing";
  ASSERT_TRUE(opened.shares.update(a().cookie, FL_CONNECTIONS_PER_POD - 1).has_value());
  EXPECT_EQ(dial(a().netns, to_).error, 0) << "the last place of the share";
}

TEST_F(LimitsTest, ARedirectedConnectionBeyondTheShareIsNobodys) {
  auto opened = maps();
  ASSERT_TRUE(opened.shares.update(a().cookie, FL_CONNECTIONS_PER_POD).has_value());
  ASSERT_EQ(dial(a().netns, b().at(80)).error, 0);
  const auto answer = connection_of(accept_one(outbound_.v4).fd);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->kind, FL_CONNECTION_NONE) << "the proxy closes it";
  EXPECT_EQ(answer->identity, 0U);
}

TEST_F(LimitsTest, AFullTableGivesNobodyAnIdentity) {
  auto opened = maps();
  const fl_connection entry{};
  for (uint32_t i = 0; i < FL_CONNECTIONS_MAX; i++) {
    fl_connection_key key{};
    key.netns = i + 1;
    ASSERT_TRUE(opened.connections.update(key, entry).has_value()) << i;
  }
  EXPECT_EQ(dial(a().netns, to_).error, ECONNREFUSED);
  EXPECT_EQ(count(Reason::TABLE_FULL), 1U);
  EXPECT_EQ(**opened.shares.lookup(a().cookie), 0);
}

// A wake-up costs an interrupt: one record each would be many, and none would leave the ring to the agent's next look.
TEST_F(LimitsTest, TheReaderOfRecordsIsWokenWhereTheyFillAQuarterOfTheRingAndAgainOnceItHasRead) {
  const auto vip = address("10.96.0.40", 80);
  build_.service(vip, FL_PROTOCOL_TCP, {});
  apply();
  auto opened = maps();
  for (int round = 0; round < 2; round++) {
    opened.flows.drain();
    pollfd reader{.fd = opened.flows.event_fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&reader, 1, 0), 0);
    size_t refused = 0;
    a().netns.in([&] {
      sockaddr_storage to{};
      const socklen_t length = vip.to(to, AF_INET);
      while (refused < 3000 && poll(&reader, 1, 0) == 0) {
        const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), length), -1);
        refused++;
      }
      return 0;
    });
    EXPECT_GT(refused, 900U);
    EXPECT_LT(refused, 1000U);
    EXPECT_EQ(opened.flows.drain().size(), refused);
  }
}

}  // namespace
}  // namespace fairlead::test
