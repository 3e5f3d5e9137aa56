// The kernel's answer out of the tables is the engine's answer, for random policies, callers, addresses and ports.
#include "tests/unit/kernel/dice.h"
#include "tests/unit/kernel/snapshots.h"

#include <gtest/gtest.h>

namespace fairlead::kernel {
namespace {

const std::vector<std::string> kPrincipals = {"*",
                                              "cluster.local/ns/shop/sa/w0",
                                              "cluster.local/ns/shop/sa/w1",
                                              "*/sa/w2",
                                              "cluster.local/ns/shop/*",
                                              "spiffe://cluster.local/ns/shop/sa/w0",
                                              "cluster.local/ns/prod/*"};
const std::vector<std::string> kPorts = {"80", "8080", "65535", "1"};
const std::vector<uint16_t> kAsked = {1, 2, 79, 80, 81, 8080, 65535};

void random_source(Dice& dice, wire::Source& source) {
  switch (dice.roll(7)) {
    case 0:
      source.add_principals(dice.pick(kPrincipals));
      break;
    case 1:
      source.add_not_principals(dice.pick(kPrincipals));
      break;
    case 2:
      source.add_ip_blocks(dice.pick(kBlocks));
      source.add_ip_blocks(dice.pick(kBlocks));
      break;
    case 3:
      source.add_not_ip_blocks(dice.pick(kBlocks));
      break;
    case 4:
      source.add_remote_ip_blocks(dice.pick(kBlocks));
      source.add_principals(dice.pick(kPrincipals));
      break;
    case 5:
      source.add_namespaces(dice.one_in(2) ? "shop" : "prod");
      source.add_not_ip_blocks(dice.pick(kBlocks));
      break;
    default:
      source.add_service_accounts("shop/w1");
      break;
  }
}

void random_rule(Dice& dice, wire::Rule& rule) {
  for (int i = dice.roll(3); i > 0; --i) {
    random_source(dice, *rule.add_from());
  }
  for (int i = dice.roll(3); i > 0; --i) {
    wire::Operation& operation = *rule.add_to();
    if (dice.one_in(2)) {
      operation.add_ports(dice.pick(kPorts));
    } else {
      operation.add_not_ports(dice.pick(kPorts));
    }
    if (dice.one_in(4)) {
      operation.add_methods("GET");
    }
  }
  if (dice.one_in(4)) {
    wire::Condition& condition = *rule.add_when();
    condition.set_key("source.ip");
    condition.add_not_values(dice.pick(kBlocks));
  }
  if (dice.one_in(6)) {
    wire::Condition& condition = *rule.add_when();
    condition.set_key("destination.port");
    condition.add_values(dice.pick(kPorts));
  }
  if (dice.one_in(6)) {
    wire::Condition& condition = *rule.add_when();
    condition.set_key("destination.ip");
    condition.add_values("10.200.0.0/31");
  }
}

wire::Policy random_policy(Dice& dice, int number) {
  wire::Policy policy;
  policy.set_name("shop/p" + std::to_string(number));
  policy.set_action(dice.one_in(2) ? wire::Policy::DENY : wire::Policy::ALLOW);
  policy.set_dry_run(dice.one_in(8));
  for (int i = dice.roll(4); i > 0; --i) {
    random_rule(dice, *policy.add_rules());
  }
  return policy;
}

TEST(PolicyPropertyTest, TheTablesAnswerAsTheEngineDoes) {
  const std::vector<IpAddress> addresses = interesting_addresses();
  for (uint32_t seed = 0; seed < 150; ++seed) {
    Dice dice(seed);
    SnapshotMaker maker;
    const int policies = 1 + dice.roll(6);
    for (int i = 0; i < policies; ++i) {
      maker.add_policy(random_policy(dice, i));
    }
    constexpr int kPods = 4;
    for (int i = 0; i < kPods; ++i) {
      wire::Workload& workload =
          maker.add_workload("w" + std::to_string(i), "10.200.0." + std::to_string(i), static_cast<uint64_t>(i + 1));
      for (int j = 0; j < policies; ++j) {
        if (dice.one_in(2)) {
          workload.add_policies(static_cast<uint32_t>(j));
        }
      }
    }
    const auto snapshot = maker.build();
    const Tables tables = make_tables(*snapshot, {});
    const Lookup lookup{tables};
    for (const auto& workload : snapshot->workloads()) {
      const uint32_t set = tables.pods.at(workload->netns).policy_set;
      for (int caller = -1; caller < kPods; ++caller) {
        const policy::Identity* identity = caller < 0 ? nullptr : &snapshot->workloads()[caller]->identity;
        for (const IpAddress& source : addresses) {
          for (const uint16_t port : kAsked) {
            policy::Facts facts;
            facts.source = identity;
            facts.source_ip = source;
            facts.remote_ip = source;
            facts.destination_ip = workload->ips.front();
            facts.destination_port = port;
            const policy::Decision wanted = workload->policies.decide(facts);
            if (set == 0) {
              ASSERT_TRUE(workload->policies.empty());
              continue;
            }
            const fl_verdict got = lookup.verdict(set, identity != nullptr ? identity->id : 0, source, port);
            ASSERT_EQ(got.allow != 0, wanted.allowed) << "seed " << seed << ", " << workload->uid << ", caller "
                                                      << caller << ", from " << source.text() << ", port " << port;
            ASSERT_EQ(got.policy == 0 ? "" : tables.policy_names.at(got.policy),
                      wanted.policy == nullptr ? "" : wanted.policy->name());
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::kernel
