// Full tables refuse trust, never grant it.
#include "tests/bpf/world.h"

#include <arpa/inet.h>

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

}  // namespace
}  // namespace fairlead::test
