// Datapath::apply makes the kernel's maps equal to the tables, whatever they held before.
#include "tests/bpf/world.h"

#include <arpa/inet.h>

#include <random>

namespace fairlead::test {
namespace {

class ReconcileTest : public DatapathTest {
 protected:
  template <class K, class V, class Less>
  static bool holds(const bpf::Map<K, V>& map, const std::map<K, V, Less>& wanted) {
    const auto entries = *map.entries();
    const auto same = [&](const std::pair<K, V>& entry) {
      const auto want = wanted.find(entry.first);
      return want != wanted.end() && std::memcmp(&want->second, &entry.second, sizeof(V)) == 0;
    };
    return entries.size() == wanted.size() && std::all_of(entries.begin(), entries.end(), same);
  }
  void expect_equal() {
    const auto opened = maps();
    const auto& wanted = build_.tables;
    EXPECT_TRUE(holds(opened.pods, wanted.pods));
    EXPECT_TRUE(holds(opened.targets, wanted.targets));
    EXPECT_TRUE(holds(opened.backends, wanted.backends));
    EXPECT_TRUE(holds(opened.policy, wanted.policy));
    EXPECT_TRUE(holds(opened.ip_classes, wanted.ip_classes));
  }
  // Small key spaces, so that two pictures share some keys with other values.
  kernel::Tables any_tables(std::mt19937& random, uint32_t size) {
    kernel::Tables tables;
    const auto number = [&](uint32_t below) { return static_cast<uint32_t>(random()) % below; };
    for (uint32_t i = 0; i < size; i++) {
      tables.pods[1 + number(size)].identity = number(3);
      fl_target_key target{};
      target.ip.w[3] = number(size);
      target.port = static_cast<__be16>(number(4));
      tables.targets[target].count = number(3);
      tables.backends[{.set = number(size), .index = number(8), .pad = 0}].owner = number(3);
      tables.policy[{.policy_set = number(size), .identity = number(9), .ip_class = 0, .port = 0, .pad = 0}].allow =
          static_cast<__u8>(number(2));
      fl_ip_class_key block{.prefixlen = 32 + 96 + number(33), .policy_set = number(5), .ip = {}};
      block.ip.w[3] = number(size) << 8;
      const uint32_t bits = block.prefixlen - 32 - 96;
      block.ip.w[3] &= bits == 0 ? 0 : htonl(~uint32_t{0} << (32 - bits));  // as the agent writes: host bits are zero
      tables.ip_classes[block] = number(5);
    }
    return tables;
  }
};

TEST_F(ReconcileTest, AnySequenceOfTablesEndsInTheLastOne) {
  std::mt19937 random(4);
  for (const uint32_t size : {0U, 10U, 400U, 3000U, 50U, 2000U, 0U}) {
    build_.tables = any_tables(random, size);
    apply();
    expect_equal();
  }
}

TEST_F(ReconcileTest, ARestartedAgentTakesTheMapsAsTheyAre) {
  std::mt19937 random(5);
  build_.tables = any_tables(random, 500);
  apply();
  datapath_.reset();
  auto datapath = kernel::Datapath::open(options_);
  ASSERT_TRUE(datapath.has_value()) << datapath.error().message();
  datapath_ = std::move(*datapath);
  expect_equal();
  build_.tables = any_tables(random, 500);
  apply();
  expect_equal();
}

TEST_F(ReconcileTest, AFullMapIsAnErrorThatNamesIt) {
  for (uint64_t cookie = 1; cookie <= 4097; cookie++) {
    build_.tables.pods[cookie].identity = 1;
  }
  const auto applied = datapath_->apply(build_.tables);
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().message(), "m_pods is full");
  build_.tables.pods.erase(17);
  apply();
  expect_equal();
}

TEST_F(ReconcileTest, TheShareOfAPodThatIsGoneGoesWithItsLastEntry) {
  auto opened = maps();
  ASSERT_TRUE(opened.shares.update(a().cookie, 1).has_value());
  apply();
  EXPECT_TRUE(opened.shares.lookup(a().cookie)->has_value());
  ASSERT_TRUE(opened.shares.update(a().cookie, 0).has_value());
  apply();
  EXPECT_FALSE(opened.shares.lookup(a().cookie)->has_value());
}

}  // namespace
}  // namespace fairlead::test
