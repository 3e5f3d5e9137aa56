// The kernel's answer out of the network tables is the engine's answer, for random policies, pods, addresses and ports.
#include "tests/unit/kernel/dice.h"
#include "tests/unit/kernel/snapshots.h"

#include <gtest/gtest.h>

namespace fairlead::kernel {
namespace {

using policy::Direction;

const std::vector<std::pair<uint32_t, uint32_t>> kRanges = {
    {80, 80}, {1, 65535}, {1, 1}, {65535, 65535}, {8000, 8080}, {1024, 2047}, {79, 81}, {32768, 65535}, {8080, 9000}};
const std::vector<std::string> kNames = {"http", "metrics"};
const std::vector<uint16_t> kAsked = {1,    2,    79,   80,   81,   82,   1023, 1024, 2047,
                                      2048, 7999, 8000, 8080, 8081, 9000, 9001, 65535};
constexpr uint32_t kClasses = 5;

void random_ports(Dice& dice, wire::NetworkRule& rule) {
  rule.set_any_port(dice.one_in(4));
  for (int i = dice.roll(3); i > 0; --i) {
    wire::PortRange& range = *rule.add_ports();
    if (dice.one_in(3)) {
      range.set_name(dice.pick(kNames));
    } else {
      const auto& [first, last] = dice.pick(kRanges);
      range.set_first(first);
      range.set_last(last);
    }
  }
}

// As the compiler writes it: an egress rule with blocks names no ports.
wire::NetworkRule random_rule(Dice& dice, Direction direction) {
  wire::NetworkRule rule;
  random_ports(dice, rule);
  const bool by_name = std::ranges::any_of(rule.ports(), [](const auto& range) { return !range.name().empty(); });
  rule.set_any_peer(dice.one_in(4));
  for (int i = dice.roll(3); i > 0; --i) {
    rule.add_peer_classes(1 + static_cast<uint32_t>(dice.roll(kClasses)));
  }
  for (int i = direction == Direction::kEgress && by_name ? 0 : dice.roll(3); i > 0; --i) {
    wire::IpBlock& block = *rule.add_blocks();
    block.set_cidr(dice.pick(kBlocks));
    if (dice.one_in(2)) {
      block.add_except(dice.pick(kBlocks));
    }
  }
  return rule;
}

wire::NetworkPolicy random_policy(Dice& dice, int number) {
  wire::NetworkPolicy policy;
  policy.set_name("shop/n" + std::to_string(number));
  for (int i = dice.roll(3); i > 0; --i) {
    *policy.add_ingress() = random_rule(dice, Direction::kIngress);
  }
  for (int i = dice.roll(3); i > 0; --i) {
    *policy.add_egress() = random_rule(dice, Direction::kEgress);
  }
  return policy;
}

void add_pod(Dice& dice, SnapshotMaker& maker, uint32_t number, int policies) {
  wire::Workload& pod = maker.add_workload("w" + std::to_string(number), "10.200.0." + std::to_string(number), number);
  pod.set_peer_class(number);
  for (const std::string& name : kNames) {
    if (dice.one_in(2)) {
      wire::NamedPort& port = *pod.add_named_ports();
      port.set_name(name);
      port.set_port(dice.pick(kAsked));
    }
  }
  for (int i = 0; i < policies; ++i) {
    if (dice.one_in(2)) {
      pod.add_ingress_policies(static_cast<uint32_t>(i));
    }
    if (dice.one_in(2)) {
      pod.add_egress_policies(static_cast<uint32_t>(i));
    }
  }
}

// Every pod and every address as the other end of `pod`, whose ports are the destination's on ingress.
void compare(const config::Snapshot& snapshot, const Tables& tables, const config::Workload& pod, Direction direction) {
  const bool is_ingress = direction == Direction::kIngress;
  const policy::NetworkPolicySet& engine = is_ingress ? pod.ingress : pod.egress;
  const fl_pod& entry = tables.pods.at(pod.netns);
  const uint32_t set = is_ingress ? entry.ingress_set : entry.egress_set;
  const Lookup lookup{tables};
  const auto ask = [&](uint32_t pod_class, const IpAddress& ip, std::span<const policy::NamedPort> peer_names) {
    for (const uint16_t port : kAsked) {
      const bool wanted =
          engine
              .decide({.peer_class = pod_class,
                       .peer_ip = ip,
                       .port = port,
                       .port_names = is_ingress ? std::span<const policy::NamedPort>(pod.named_ports) : peer_names})
              .allowed;
      ASSERT_EQ(lookup.network(set, pod_class, ip, port), wanted)
          << pod.uid << (is_ingress ? " from " : " to ") << pod_class << " " << ip.text() << ", port " << port;
    }
  };
  for (const IpAddress& ip : interesting_addresses()) {
    ask(0, ip, {});
  }
  for (const auto& peer : snapshot.workloads()) {
    for (const char* text : {"10.1.2.3", "192.0.2.1", "fd00::1"}) {
      ask(peer->peer_class, ip(text), peer->named_ports);
    }
  }
}

TEST(NetworkPropertyTest, TheTablesAnswerAsTheEngineDoes) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    SnapshotMaker maker;
    const int policies = 1 + dice.roll(4);
    for (int i = 0; i < policies; ++i) {
      *maker.wire().add_network_policies() = random_policy(dice, i);
    }
    for (uint32_t number = 1; number <= kClasses; ++number) {
      add_pod(dice, maker, number, policies);
    }
    const auto snapshot = maker.build();
    const Tables tables = make_tables(*snapshot, {});
    for (const auto& pod : snapshot->workloads()) {
      for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
        compare(*snapshot, tables, *pod, direction);
        if (HasFatalFailure()) {
          return;
        }
      }
    }
  }
}

TEST(NetworkTables, PodsWithTheSamePoliciesShareASetAndEveryoneElseHasNone) {
  SnapshotMaker maker;
  *maker.wire().add_network_policies() = wire::NetworkPolicy();
  for (uint32_t number = 1; number <= 3; ++number) {
    wire::Workload& pod =
        maker.add_workload("w" + std::to_string(number), "10.200.0." + std::to_string(number), number);
    pod.set_peer_class(number);
    if (number != 3) {
      pod.add_ingress_policies(0);
    }
  }
  const Tables tables = make_tables(*maker.build(), {});
  EXPECT_NE(tables.pods.at(1).ingress_set, 0U);
  EXPECT_EQ(tables.pods.at(1).ingress_set, tables.pods.at(2).ingress_set);
  EXPECT_EQ(tables.pods.at(3).ingress_set, 0U);
  EXPECT_EQ(tables.pods.at(1).egress_set, 0U);
  EXPECT_TRUE(tables.network.empty());  // nothing is allowed
}

TEST(NetworkTables, APodOfAnotherNodeIsKnownByItsAddressAndOneOfThisNodeIsNot) {
  SnapshotMaker maker;
  maker.add_workload("here", "10.200.0.1", 1).set_peer_class(11);
  maker.add_workload("there", "10.200.0.2", 0).set_peer_class(12);
  maker.add_workload("off", "10.200.0.3", 3, wire::OFF).set_peer_class(13);
  const Tables tables = make_tables(*maker.build(), {});
  const Lookup lookup{tables};
  EXPECT_EQ(lookup.target("10.200.0.1", 0)->peer_class, 0U);
  EXPECT_EQ(lookup.target("10.200.0.2", 0)->peer_class, 12U);
  EXPECT_EQ(lookup.target("10.200.0.3", 0)->peer_class, 13U);
}

}  // namespace
}  // namespace fairlead::kernel
