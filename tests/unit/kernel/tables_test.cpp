#include "agent/kernel/tables.h"

#include "tests/unit/kernel/snapshots.h"

#include <gtest/gtest.h>

#include <set>

namespace fairlead::kernel {
namespace {

wire::Policy deny_without_identity() {
  wire::Policy policy;
  policy.set_name("shop/strict");
  policy.set_action(wire::Policy::DENY);
  policy.add_rules()->add_from()->add_not_principals(std::string("*"));
  return policy;
}

wire::Policy allow_block(const std::string& name, const std::string& block) {
  wire::Policy policy;
  policy.set_name(name);
  policy.add_rules()->add_from()->add_ip_blocks(block);
  return policy;
}

TEST(TablesTest, PodsAreThoseWithACookieAlsoWhereTheyAreOff) {
  SnapshotMaker maker;
  maker.add_workload("node", "10.0.0.1", 1).add_ips(wire_ip("fd00::1"));
  maker.add_workload("sidecar", "10.0.0.2", 2, wire::SIDECAR);
  maker.add_workload("off", "10.0.0.3", 3, wire::OFF).add_policies(maker.add_policy(deny_without_identity()));
  maker.add_workload("remote", "10.0.0.4", 0);
  const Tables tables = make_tables(*maker.build(), {{1, {.v4 = 5001, .v6 = 5002}}});
  ASSERT_EQ(tables.pods.size(), 3U);
  const fl_pod& node = tables.pods.at(1);
  EXPECT_EQ(IpAddress(node.ip4), ip("10.0.0.1"));
  EXPECT_EQ(IpAddress(node.ip6), ip("fd00::1"));
  EXPECT_EQ(ntohs(node.outbound_port4), 5001);
  EXPECT_EQ(ntohs(node.outbound_port6), 5002);
  EXPECT_EQ(node.identity, 101U);
  EXPECT_EQ(node.policy_set, 0U) << "no policy: allowed";
  EXPECT_EQ(node.mode, FL_MODE_NODE);
  EXPECT_EQ(tables.pods.at(2).mode, FL_MODE_SIDECAR);
  EXPECT_TRUE(IpAddress(tables.pods.at(2).ip6).is_none());
  EXPECT_EQ(tables.pods.at(2).outbound_port4, 0);
  EXPECT_EQ(tables.pods.at(3).mode, FL_MODE_OFF);
  EXPECT_EQ(tables.pods.at(3).policy_set, 0U) << "nobody judges what arrives at a pod that is off";
}

TEST(TablesTest, ServiceAddressesLeadToTheirBackendsAndOtherPortsAreRefused) {
  SnapshotMaker maker;
  maker.add_workload("a", "10.0.0.1", 1);
  maker.add_workload("off", "10.0.0.2", 2, wire::OFF);
  maker.add_service("web", {"10.96.0.1"}, 80, wire::HTTP,
                    {{"10.0.0.1", 8080, 1}, {"10.0.0.2", 8080, 2}, {"192.0.2.9", 8080, 0}});
  maker.add_service("empty", {"10.96.0.2"}, 80, wire::TCP, {});
  const Tables tables = make_tables(*maker.build(), {});
  const Lookup lookup{tables};
  const fl_target& web = *lookup.target("10.96.0.1", 80);
  EXPECT_EQ(web.kind, FL_TARGET_SERVICE);
  EXPECT_EQ(web.protocol, FL_PROTOCOL_HTTP);
  EXPECT_EQ(lookup.backends(web), "10.0.0.1:8080=1 10.0.0.2:8080=0 192.0.2.9:8080=0");
  EXPECT_EQ(lookup.target("10.96.0.1", 81)->kind, FL_TARGET_NO_PORT);
  EXPECT_EQ(lookup.target("10.96.0.2", 80)->kind, FL_TARGET_SERVICE);
  EXPECT_EQ(lookup.target("10.96.0.2", 80)->count, 0U);
  EXPECT_EQ(lookup.target("10.96.0.3", 80), nullptr);
}

TEST(TablesTest, AServiceAddressLeadsToEndpointsOfItsFamilyOnly) {
  SnapshotMaker maker;
  maker.add_service("web", {"10.96.0.1", "fd96::1"}, 80, wire::TCP, {{"10.0.0.1", 8080}, {"fd00::1", 8080}});
  const Tables tables = make_tables(*maker.build(), {});
  const Lookup lookup{tables};
  EXPECT_EQ(lookup.backends(*lookup.target("10.96.0.1", 80)), "10.0.0.1:8080=0");
  EXPECT_EQ(lookup.backends(*lookup.target("fd96::1", 80)), "[fd00::1]:8080=0");
}

TEST(TablesTest, BackendSetsAreNamedByTheirContents) {
  const auto set_of = [](uint64_t owner, uint32_t port) {
    SnapshotMaker maker;
    maker.add_workload("a", "10.0.0.1", owner);
    maker.add_service("web", {"10.96.0.1"}, 80, wire::TCP, {{"10.0.0.1", port, 1}});
    maker.add_service("same", {"10.96.0.2"}, 80, wire::TCP, {{"10.0.0.1", port, 1}});
    const Tables tables = make_tables(*maker.build(), {});
    const Lookup lookup{tables};
    EXPECT_EQ(lookup.target("10.96.0.1", 80)->backends, lookup.target("10.96.0.2", 80)->backends);
    EXPECT_EQ(tables.backends.size(), 1U);
    return lookup.target("10.96.0.1", 80)->backends;
  };
  EXPECT_EQ(set_of(1, 8080), set_of(1, 8080));
  EXPECT_NE(set_of(1, 8080), set_of(2, 8080));
  EXPECT_NE(set_of(1, 8080), set_of(1, 8081));
}

TEST(TablesTest, PodAddressesSayWhoseTheyAreAndWhichPortsAreHttp) {
  SnapshotMaker maker;
  wire::Workload& node = maker.add_workload("node", "10.0.0.1", 1);
  SnapshotMaker::add_port(node, 8080, wire::HTTP);
  SnapshotMaker::add_port(node, 5432, wire::TCP);
  SnapshotMaker::add_port(node, 9000, wire::HTTP2);
  SnapshotMaker::add_port(node, 9001, wire::HTTP2);
  node.mutable_ports(3)->set_refuse_opaque(true);
  wire::Workload& remote = maker.add_workload("remote", "10.0.0.2", 0);
  SnapshotMaker::add_port(remote, 8080, wire::HTTP);
  wire::Workload& off = maker.add_workload("off", "10.0.0.3", 3, wire::OFF);
  SnapshotMaker::add_port(off, 8080, wire::HTTP);
  const Tables tables = make_tables(*maker.build(), {});
  const Lookup lookup{tables};
  struct Case {
    std::string address;
    uint16_t port;
    uint64_t owner;
    fl_protocol protocol;
  };
  const Case cases[] = {
      {"10.0.0.1", 8080, 1, FL_PROTOCOL_HTTP}, {"10.0.0.1", 5432, 1, FL_PROTOCOL_TCP},
      {"10.0.0.1", 9000, 1, FL_PROTOCOL_TCP},  {"10.0.0.1", 9001, 1, FL_PROTOCOL_DENY},
      {"10.0.0.1", 1, 1, FL_PROTOCOL_TCP},     {"10.0.0.2", 8080, 0, FL_PROTOCOL_HTTP},
      {"10.0.0.2", 1, 0, FL_PROTOCOL_TCP},     {"10.0.0.3", 8080, 0, FL_PROTOCOL_HTTP},
  };
  for (const Case& c : cases) {
    const fl_target* target = lookup.target(c.address, c.port);
    ASSERT_NE(target, nullptr);
    EXPECT_EQ(target->kind, FL_TARGET_POD);
    EXPECT_EQ(target->owner, c.owner) << c.address;
    EXPECT_EQ(target->protocol, c.protocol) << c.address << ":" << c.port;
  }
}

TEST(TablesTest, ServiceTrafficThatCannotBeJudgedIsDenied) {
  SnapshotMaker maker;
  wire::Workload& web = maker.add_workload("web", "10.0.0.1", 1);
  SnapshotMaker::add_port(web, 9000, wire::HTTP2);
  web.mutable_ports(0)->set_refuse_opaque(true);
  SnapshotMaker::add_port(web, 9001, wire::HTTP2);
  maker.add_service("policy", {"10.96.0.1"}, 80, wire::HTTP2, {{"10.0.0.1", 9000, 1}});
  maker.add_service("routed", {"10.96.0.2"}, 80, wire::HTTP2, {{"10.0.0.1", 9001, 1}});
  maker.add_service("others", {"10.96.0.3"}, 80, wire::HTTP2, {{"10.0.0.1", 9001, 1}});
  maker.add_service("free", {"10.96.0.4"}, 80, wire::HTTP2, {{"10.0.0.1", 9001, 1}});
  maker.wire().add_route_tables()->add_routes()->mutable_direct_response()->set_status(200);
  for (const auto& [name, client] : {std::pair("routed", "shop"), std::pair("others", "prod")}) {
    wire::VirtualHost& host = *maker.wire().add_virtual_hosts();
    host.set_domain(std::string(name) + ".shop.svc.cluster.local");
    host.set_port(80);
    host.set_client_namespace(client);
  }
  const Tables tables = make_tables(*maker.build(), {});
  const Lookup lookup{tables};
  EXPECT_EQ(lookup.target("10.96.0.1", 80)->protocol, FL_PROTOCOL_DENY);
  EXPECT_EQ(lookup.target("10.96.0.2", 80)->protocol, FL_PROTOCOL_DENY);
  EXPECT_EQ(lookup.target("10.96.0.3", 80)->protocol, FL_PROTOCOL_TCP) << "no pod of prod is on this node";
  EXPECT_EQ(lookup.target("10.96.0.4", 80)->protocol, FL_PROTOCOL_TCP);
}

TEST(TablesTest, APodKeepsItsAddressAgainstAServiceThatClaimsIt) {
  SnapshotMaker maker;
  maker.add_workload("web", "10.0.0.1", 1);
  maker.add_service("thief", {"10.0.0.1"}, 80, wire::TCP, {{"10.0.0.9", 80}});
  const Tables tables = make_tables(*maker.build(), {});
  EXPECT_EQ(Lookup{tables}.target("10.0.0.1", 80)->kind, FL_TARGET_POD);
  EXPECT_EQ(Lookup{tables}.target("10.0.0.1", 81)->kind, FL_TARGET_POD);
}

TEST(TablesTest, PodsWithTheSamePoliciesShareASetAndItsNameIsItsContents) {
  SnapshotMaker maker;
  const uint32_t strict = maker.add_policy(deny_without_identity());
  const uint32_t block = maker.add_policy(allow_block("shop/block", "10.0.0.0/8"));
  maker.add_workload("a", "10.0.0.1", 1).add_policies(strict);
  maker.add_workload("b", "10.0.0.2", 2).add_policies(strict);
  maker.add_workload("c", "10.0.0.3", 3).add_policies(block);
  const Tables tables = make_tables(*maker.build(), {});
  EXPECT_NE(tables.pods.at(1).policy_set, 0U);
  EXPECT_EQ(tables.pods.at(1).policy_set, tables.pods.at(2).policy_set);
  EXPECT_NE(tables.pods.at(1).policy_set, tables.pods.at(3).policy_set);
  const Tables again = make_tables(*maker.build(), {});
  EXPECT_EQ(again.pods.at(3).policy_set, tables.pods.at(3).policy_set);

  maker.wire()
      .mutable_policies(static_cast<int>(block))
      ->mutable_rules(0)
      ->mutable_from(0)
      ->set_ip_blocks(0, "10.0.0.0/9");
  const Tables changed = make_tables(*maker.build(), {});
  EXPECT_NE(changed.pods.at(3).policy_set, tables.pods.at(3).policy_set);
  EXPECT_EQ(changed.pods.at(1).policy_set, tables.pods.at(1).policy_set);
}

TEST(TablesTest, TheVerdictNamesThePolicyThatDecided) {
  SnapshotMaker maker;
  maker.add_workload("a", "10.0.0.1", 1).add_policies(maker.add_policy(deny_without_identity()));
  const Tables tables = make_tables(*maker.build(), {});
  const fl_verdict refused = Lookup{tables}.verdict(tables.pods.at(1).policy_set, 0, ip("10.9.9.9"), 80);
  EXPECT_EQ(refused.allow, 0);
  EXPECT_EQ(tables.policy_names.at(refused.policy), "shop/strict");
  const fl_verdict allowed = Lookup{tables}.verdict(tables.pods.at(1).policy_set, 101, ip("10.9.9.9"), 80);
  EXPECT_EQ(allowed.allow, 1);
  EXPECT_EQ(allowed.policy, 0U);
}

TEST(TablesTest, ARuleOnTheDestinationsAddressIsJudgedPerPodAndMustHoldForAllItsAddresses) {
  wire::Policy policy;
  policy.set_name("shop/by-destination");
  wire::Condition& condition = *policy.add_rules()->add_when();
  condition.set_key("destination.ip");
  condition.add_values("10.0.0.1");
  condition.add_values("10.0.0.3");
  SnapshotMaker maker;
  const uint32_t index = maker.add_policy(policy);
  maker.add_workload("a", "10.0.0.1", 1).add_policies(index);
  maker.add_workload("b", "10.0.0.2", 2).add_policies(index);
  wire::Workload& dual = maker.add_workload("c", "10.0.0.3", 3);
  dual.add_ips(wire_ip("fd00::3"));
  dual.add_policies(index);
  const Tables tables = make_tables(*maker.build(), {});
  const Lookup lookup{tables};
  const auto allows = [&](uint64_t netns) {
    return lookup.verdict(tables.pods.at(netns).policy_set, 101, ip("10.9.9.9"), 80).allow;
  };
  EXPECT_EQ(allows(1), 1);
  EXPECT_EQ(allows(2), 0);
  EXPECT_EQ(allows(3), 0) << "fd00::3 is not in the list";
}

// A node of the size that the design counts on: the tables fit the kernel's maps (bpf/lib/maps.bpf.h) twice, as they
// must while one generation replaces another.
TEST(TablesTest, AHundredPodsAndFiftyPoliciesFitTheMapsTwice) {
  SnapshotMaker maker;
  std::vector<uint32_t> policies;
  for (int i = 0; i < 50; ++i) {
    wire::Policy policy = allow_block("shop/p" + std::to_string(i), "10." + std::to_string(i) + ".0.0/16");
    policy.mutable_rules(0)->add_to()->add_ports(std::to_string(8000 + i % 5));
    policy.add_rules()->add_from()->add_principals("cluster.local/ns/shop/sa/w" + std::to_string(i));
    policies.push_back(maker.add_policy(std::move(policy)));
  }
  for (int i = 0; i < 100; ++i) {
    wire::Workload& workload =
        maker.add_workload("w" + std::to_string(i), "10.200.0." + std::to_string(i + 1), static_cast<uint64_t>(i + 1));
    workload.add_policies(policies[i % 50]);
    workload.add_policies(policies[(i + 7) % 50]);
    workload.add_policies(policies[(i + 13) % 50]);
  }
  const Tables tables = make_tables(*maker.build(), {});
  std::set<uint32_t> sets;
  for (const auto& [netns, pod] : tables.pods) {
    sets.insert(pod.policy_set);
  }
  EXPECT_EQ(sets.size(), 50U);
  EXPECT_LT(tables.policy.size(), 262144U / 2);
  EXPECT_LT(tables.ip_classes.size(), 65536U / 2);
  EXPECT_GT(tables.policy.size(), 50U * 101U) << "one for each caller at least";
}

}  // namespace
}  // namespace fairlead::kernel
