#include "agent/flow/rejudge.h"

#include "tests/unit/flow/flows.h"
#include "tests/unit/kernel/dice.h"

#include <gtest/gtest.h>

namespace fairlead::flow {
namespace {

wire::Policy deny(const std::string& principal) {
  wire::Policy policy;
  policy.set_name("shop/deny");
  policy.set_action(wire::Policy::DENY);
  policy.add_rules()->add_from()->add_principals(principal);
  return policy;
}

wire::Policy allow_path() {
  wire::Policy policy;
  policy.set_name("shop/paths");
  policy.add_rules()->add_to()->add_paths("/public");
  return policy;
}

// Selected by the policy is the server.
std::optional<Objection> with(const wire::Policy& policy, const fl_flow& flow,
                              const std::function<void(wire::Snapshot&)>& change = {}) {
  SnapshotMaker maker = two_pods();
  const uint32_t index = maker.add_policy(policy);
  maker.wire().mutable_workloads(1)->add_policies(index);
  if (change) {
    change(maker.wire());
  }
  return objection_to(*maker.build(), flow);
}

TEST(RejudgeTest, WithoutPoliciesEverythingGoesOn) { EXPECT_FALSE(objection_to(*two_pods().build(), connection())); }

TEST(RejudgeTest, APolicyThatDeniesTheIdentityIsNamed) {
  const auto objection = with(deny("cluster.local/ns/shop/sa/client"), connection());
  ASSERT_TRUE(objection);
  EXPECT_EQ(objection->reason, Reason::POLICY_DENIED);
  EXPECT_EQ(objection->policy, "shop/deny");
  EXPECT_FALSE(with(deny("cluster.local/ns/shop/sa/other"), connection()));
}

TEST(RejudgeTest, APodThatTurnedOffKeepsTheIdentityThatItConnectedWithAndAsksNothing) {
  const auto off = [](int workload) {
    return [workload](wire::Snapshot& wire) { wire.mutable_workloads(workload)->set_mode(wire::OFF); };
  };
  EXPECT_TRUE(with(deny("cluster.local/ns/shop/sa/client"), connection(), off(0)));
  EXPECT_FALSE(with(deny("cluster.local/ns/shop/sa/client"), connection(), off(1)));
}

TEST(RejudgeTest, TheIdentityIsTheOneThatThePodHasNow) {
  const auto renamed = [](wire::Snapshot& wire) {
    wire::Identity& identity = *wire.add_identities();
    identity.set_id(500);
    identity.set_spiffe("spiffe://cluster.local/ns/shop/sa/batch");
    identity.set_namespace_("shop");
    identity.set_service_account("batch");
    wire.mutable_workloads(0)->set_identity(static_cast<uint32_t>(wire.identities_size() - 1));
  };
  EXPECT_TRUE(with(deny("cluster.local/ns/shop/sa/batch"), connection(), renamed));
  EXPECT_FALSE(with(deny("cluster.local/ns/shop/sa/client"), connection(), renamed));
}

TEST(RejudgeTest, PoliciesThatLookAtHttpNowAreAChangedPath) {
  const auto http = [](wire::Snapshot& wire) { wire.mutable_workloads(1)->mutable_ports(0)->set_protocol(wire::HTTP); };
  const auto objection = with(allow_path(), connection(), http);
  ASSERT_TRUE(objection);
  EXPECT_EQ(objection->reason, Reason::PATH_CHANGED);
  // On a TCP port the same rule never matches: a denial like any other.
  EXPECT_EQ(with(allow_path(), connection())->reason, Reason::POLICY_DENIED);
  // An HTTP port alone takes nothing away from a connection that is open.
  EXPECT_FALSE(with(deny("nobody"), connection(), http));
}

TEST(RejudgeTest, ACallerThatIsNoPodIsJudgedByItsAddress) {
  fl_flow flow = connection();
  flow.source_netns = 0;
  flow.identity = 0;
  flow.source = at("192.0.2.7", 5555);
  flow.reporters = FL_REPORT_DESTINATION;
  wire::Policy policy;
  policy.set_name("shop/block");
  policy.set_action(wire::Policy::DENY);
  policy.add_rules()->add_from()->add_ip_blocks("192.0.2.0/24");
  EXPECT_TRUE(with(policy, flow));
  EXPECT_FALSE(with(policy, connection()));
}

TEST(RejudgeTest, TheSourcesEgressPolicyReachesBeyondTheMesh) {
  SnapshotMaker maker = two_pods();
  wire::NetworkPolicy policy;
  policy.set_name("shop/client-egress");
  wire::NetworkRule& rule = *policy.add_egress();
  rule.set_any_port(true);
  rule.add_peer_classes(2);
  *maker.wire().add_network_policies() = policy;
  maker.wire().mutable_workloads(0)->add_egress_policies(0);
  const auto snapshot = maker.build();
  EXPECT_FALSE(objection_to(*snapshot, connection()));
  fl_flow out = connection();
  out.destination_netns = 0;
  out.destination = out.dialled = at("198.51.100.1", 443);
  out.in_mesh = 0;
  const auto objection = objection_to(*snapshot, out);
  ASSERT_TRUE(objection);
  EXPECT_EQ(objection->reason, Reason::NETWORK_DENIED);
  EXPECT_EQ(objection->policy, "shop/client-egress");
}

// What ends an open connection is what the kernel's tables would refuse a new one.
TEST(RejudgeTest, AnswersAsTheKernelsTablesDo) {
  const std::vector<std::string> principals = {"*", "*/sa/client", "cluster.local/ns/shop/*",
                                               "cluster.local/ns/prod/*"};
  const std::vector<std::string> ports = {"9000", "80"};
  for (uint32_t seed = 0; seed < 400; ++seed) {
    kernel::Dice dice(seed);
    SnapshotMaker maker = two_pods();
    for (int i = 1 + dice.roll(4); i > 0; --i) {
      wire::Policy policy;
      policy.set_name("shop/p" + std::to_string(i));
      policy.set_action(dice.one_in(2) ? wire::Policy::DENY : wire::Policy::ALLOW);
      wire::Rule& rule = *policy.add_rules();
      if (dice.one_in(2)) {
        rule.add_from()->add_principals(dice.pick(principals));
      } else {
        rule.add_from()->add_not_ip_blocks(dice.one_in(2) ? "10.0.0.0/24" : "192.0.2.0/24");
      }
      if (dice.one_in(2)) {
        rule.add_to()->add_ports(dice.pick(ports));
      }
      maker.wire().mutable_workloads(1)->add_policies(maker.add_policy(std::move(policy)));
    }
    const auto snapshot = maker.build();
    const kernel::Tables tables = kernel::make_tables(*snapshot, {});
    const kernel::Lookup lookup{tables};
    for (const bool known : {true, false}) {
      fl_flow flow = connection();
      if (!known) {
        flow.source_netns = 0;
        flow.identity = 0;
        flow.source = at("192.0.2.7", 5555);
      }
      const fl_verdict verdict =
          lookup.verdict(tables.pods.at(kServer).policy_set, flow.identity, IpAddress(flow.source.ip), 9000);
      const auto objection = objection_to(*snapshot, flow);
      EXPECT_EQ(objection.has_value(), verdict.allow == 0) << "seed " << seed << " known " << known;
      if (objection && verdict.policy != 0) {
        EXPECT_EQ(objection->policy, tables.policy_names.at(verdict.policy)) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::flow
