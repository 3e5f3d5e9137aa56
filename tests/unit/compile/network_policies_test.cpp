// NetworkPolicy from manifest to decision: who may open a connection to whom. The cases are those of
// kubernetes.io/docs/concepts/services-networking/network-policies.
#include "agent/model/load.h"
#include "tests/unit/compile/builders.h"
#include "userspace-proxy/config/snapshot.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace fairlead::compile {
namespace {

model::Pod with_port(model::Pod pod, const std::string& name, uint16_t port) {
  pod.ports.push_back({.name = name, .port = port});
  return pod;
}

class NetworkPoliciesTest : public testing::Test {
 protected:
  NetworkPoliciesTest() {
    model::Namespace team;
    team.meta = meta("", "team", {{"team", "blue"}});
    world_.add(team);
    world_.enrol(with_port(pod("shop", "web", "10.0.0.1", {{"app", "web"}}), "http", 8080));
    world_.enrol(with_port(pod("shop", "api", "10.0.0.2", {{"app", "api"}}), "http", 9090));
    world_.enrol(pod("shop", "client", "10.0.0.3", {{"app", "client"}}));
    world_.enrol(pod("team", "client", "10.0.1.1", {{"app", "client"}}));
    world_.enrol(pod("team", "batch", "10.0.1.2", {{"app", "batch"}}));
    world_.add(pod("other", "remote", "10.0.2.1", {{"app", "client"}}));
  }

  void apply(const std::string& name, const std::string& spec, const std::string& ns = "shop") {
    const auto loaded = model::load_documents(
        fmt::format("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {}, namespace: {}}}\n"
                    "spec: {}\n",
                    name, ns, spec),
        "f");
    ASSERT_EQ(loaded.objects.size(), 1U) << spec << "\n" << (loaded.messages.empty() ? "" : loaded.messages[0].line());
    world_.add(loaded.objects.front().second);
    snapshot_.reset();
  }

  const config::Snapshot& snapshot() {
    if (snapshot_ == nullptr) {
      auto built = config::Snapshot::build(world_.compile().snapshot);
      EXPECT_TRUE(built) << built.error().message();
      snapshot_ = *built;
    }
    return *snapshot_;
  }

  const config::Workload& workload(const std::string& uid) {
    for (const auto& each : snapshot().workloads()) {
      if (each->uid == uid) {
        return *each;
      }
    }
    throw std::out_of_range(uid);
  }

  bool allows(const policy::NetworkPolicySet& set, const policy::NetworkFacts& facts) {
    return set.decide(facts).allowed;
  }

  // Both ends agree.
  bool connects(const std::string& from, const std::string& to, uint16_t port = 8080) {
    const config::Workload &source = workload(from), &destination = workload(to);
    return allows(source.egress, {.peer_class = destination.peer_class,
                                  .peer_ip = destination.ips.front(),
                                  .port = port,
                                  .port_names = destination.named_ports}) &&
           allows(destination.ingress, {.peer_class = source.peer_class,
                                        .peer_ip = source.ips.front(),
                                        .port = port,
                                        .port_names = destination.named_ports});
  }

  World world_;
  std::shared_ptr<const config::Snapshot> snapshot_;
};

TEST_F(NetworkPoliciesTest, WithoutAnyEverybodyMayAndNothingIsInTheSnapshot) {
  EXPECT_TRUE(connects("team/batch", "shop/web"));
  EXPECT_EQ(workload("shop/web").peer_class, 0U);
  EXPECT_TRUE(workload("shop/web").named_ports.empty());
}

TEST_F(NetworkPoliciesTest, OneThatListsNoIngressClosesTheSelectedPodsAndLeavesTheirOwnCallsAlone) {
  apply("deny", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}");
  EXPECT_FALSE(connects("shop/client", "shop/web"));
  EXPECT_FALSE(connects("other/remote", "shop/web"));
  EXPECT_TRUE(connects("shop/client", "shop/api"));
  EXPECT_TRUE(connects("shop/web", "shop/api"));
}

TEST_F(NetworkPoliciesTest, APodSelectorAloneMeansPodsOfThePolicysNamespace) {
  apply("a",
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}");
  EXPECT_TRUE(connects("shop/client", "shop/web"));
  EXPECT_FALSE(connects("shop/api", "shop/web"));
  EXPECT_FALSE(connects("team/client", "shop/web"));
}

TEST_F(NetworkPoliciesTest, SelectorsOfOneEntryMustBothHoldAndEntriesAreAlternatives) {
  apply("one", R"({podSelector: {matchLabels: {app: web}}, ingress: [{from: [
    {namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: client}}}]}]})");
  apply("two", R"({podSelector: {matchLabels: {app: api}}, ingress: [{from: [
    {namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: client}}}]}]})");
  EXPECT_TRUE(connects("team/client", "shop/web"));
  EXPECT_FALSE(connects("team/batch", "shop/web"));
  EXPECT_FALSE(connects("shop/client", "shop/web"));
  EXPECT_TRUE(connects("team/batch", "shop/api"));
  EXPECT_TRUE(connects("shop/client", "shop/api"));
  EXPECT_FALSE(connects("other/remote", "shop/api"));
}

TEST_F(NetworkPoliciesTest, EveryNamespaceHasItsNameAsALabelAndAnEmptySelectorTakesAll) {
  apply("a", R"({podSelector: {matchLabels: {app: web}}, ingress: [{from: [
    {namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [other]}]}}]}]})");
  apply("b", "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{namespaceSelector: {}}]}]}");
  EXPECT_TRUE(connects("other/remote", "shop/web"));
  EXPECT_FALSE(connects("team/client", "shop/web"));
  EXPECT_TRUE(connects("team/client", "shop/api"));
  EXPECT_FALSE(allows(workload("shop/api").ingress, {.peer_class = 0, .peer_ip = ip("192.0.2.1"), .port = 80}));
}

TEST_F(NetworkPoliciesTest, ExpressionsHoldAsKubernetesDefinesThem) {
  const std::pair<const char*, bool> cases[] = {
      {"{key: app, operator: In, values: [client, x]}", true},
      {"{key: app, operator: In, values: [x]}", false},
      {"{key: app, operator: NotIn, values: [x]}", true},
      {"{key: app, operator: NotIn, values: [client]}", false},
      {"{key: tier, operator: NotIn, values: [x]}", true},
      {"{key: tier, operator: In, values: [x]}", false},
      {"{key: app, operator: Exists}", true},
      {"{key: tier, operator: Exists}", false},
      {"{key: app, operator: DoesNotExist}", false},
      {"{key: tier, operator: DoesNotExist}", true},
  };
  for (const auto& [expression, allowed] : cases) {
    apply("a", fmt::format("{{podSelector: {{matchLabels: {{app: web}}}}, "
                           "ingress: [{{from: [{{podSelector: {{matchExpressions: [{}]}}}}]}}]}}",
                           expression));
    EXPECT_EQ(connects("shop/client", "shop/web"), allowed) << expression;
  }
}

TEST_F(NetworkPoliciesTest, BlocksTakeAddressesPodsIncludedWithoutWhatExceptCutsOut) {
  apply("a", R"({podSelector: {matchLabels: {app: web}},
                 ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.1.2/32]}}]}]})");
  EXPECT_TRUE(connects("team/client", "shop/web"));
  EXPECT_FALSE(connects("team/batch", "shop/web"));
  const auto& set = workload("shop/web").ingress;
  EXPECT_TRUE(allows(set, {.peer_class = 0, .peer_ip = ip("10.9.9.9"), .port = 1}));
  EXPECT_FALSE(allows(set, {.peer_class = 0, .peer_ip = ip("192.0.2.1"), .port = 1}));
  EXPECT_FALSE(allows(set, {.peer_class = 0, .peer_ip = ip("fd00::1"), .port = 1}));
}

TEST_F(NetworkPoliciesTest, PortsAreNumbersRangesAndNamesOfTheDestinationsPorts) {
  apply("in", R"({podSelector: {}, ingress: [{ports: [{port: http}, {port: 7000, endPort: 7010}, {port: 22}]}]})");
  EXPECT_TRUE(connects("team/batch", "shop/web", 8080));
  EXPECT_FALSE(connects("team/batch", "shop/web", 9090));
  EXPECT_TRUE(connects("team/batch", "shop/api", 9090));
  EXPECT_TRUE(connects("team/batch", "shop/api", 7000));
  EXPECT_TRUE(connects("team/batch", "shop/api", 7010));
  EXPECT_FALSE(connects("team/batch", "shop/api", 7011));
  EXPECT_TRUE(connects("team/batch", "shop/client", 22));
  EXPECT_FALSE(connects("team/batch", "shop/client", 8080));
}

TEST_F(NetworkPoliciesTest, EgressLooksAtTheChosenPodAndItsPort) {
  apply("out", R"({podSelector: {matchLabels: {app: batch}}, policyTypes: [Egress], egress: [
    {to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}], ports: [{port: http}]},
    {to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]})",
        "team");
  EXPECT_TRUE(connects("team/batch", "shop/web", 8080));
  EXPECT_FALSE(connects("team/batch", "shop/web", 9090));
  EXPECT_TRUE(connects("team/batch", "shop/api", 9090));
  EXPECT_FALSE(connects("team/batch", "other/remote", 80));
  EXPECT_TRUE(connects("team/client", "other/remote", 80));
  EXPECT_TRUE(connects("shop/web", "team/batch", 80));
  EXPECT_TRUE(allows(workload("team/batch").egress, {.peer_class = 0, .peer_ip = ip("192.0.2.7"), .port = 443}));
  EXPECT_FALSE(allows(workload("team/batch").egress, {.peer_class = 0, .peer_ip = ip("192.0.3.7"), .port = 443}));
}

TEST_F(NetworkPoliciesTest, PoliciesAddUpAndOneForEgressAloneClosesNoIngress) {
  apply("a",
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}");
  apply("b", "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]}]}");
  apply("c", "{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], egress: [{}]}");
  EXPECT_TRUE(connects("shop/client", "shop/web"));
  EXPECT_TRUE(connects("shop/api", "shop/web"));
  EXPECT_FALSE(connects("team/client", "shop/web"));
  EXPECT_TRUE(connects("team/client", "shop/api"));
}

TEST_F(NetworkPoliciesTest, ARuleForOtherProtocolsAloneAllowsNoTcp) {
  apply("a", "{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{protocol: UDP, port: 53}]}]}");
  EXPECT_FALSE(connects("shop/client", "shop/web", 53));
  apply("a", "{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{protocol: UDP}, {protocol: TCP}]}]}");
  EXPECT_TRUE(connects("shop/client", "shop/web", 53));
}

TEST_F(NetworkPoliciesTest, ARefusalNamesThePolicyThatIsolates) {
  apply("deny", "{podSelector: {}}");
  const auto decision = workload("shop/web").ingress.decide({.peer_class = 1, .peer_ip = ip("10.0.0.3"), .port = 80});
  EXPECT_FALSE(decision.allowed);
  ASSERT_NE(decision.policy, nullptr);
  EXPECT_EQ(decision.policy->name(), "shop/deny");
}

TEST_F(NetworkPoliciesTest, AClassIsWhatAPodIsAndStaysWhenPoliciesChange) {
  apply("a", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}");
  const uint32_t client = workload("shop/client").peer_class, batch = workload("team/batch").peer_class;
  EXPECT_NE(client, 0U);
  EXPECT_NE(client, batch);
  EXPECT_NE(client, workload("team/client").peer_class);  // the same labels in another namespace
  apply("b", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: batch}}}]}]}", "team");
  EXPECT_EQ(workload("shop/client").peer_class, client);
  EXPECT_EQ(workload("team/batch").peer_class, batch);
}

TEST_F(NetworkPoliciesTest, PodsThatThisNodeDoesNotServeAreNotIsolatedHere) {
  apply("a", "{podSelector: {}}", "other");
  world_.inputs.pods["shop/web"].mode = config::Mode::kOff;
  apply("b", "{podSelector: {}}");
  EXPECT_TRUE(workload("other/remote").ingress.policies.empty());
  EXPECT_TRUE(workload("shop/web").ingress.policies.empty());
  EXPECT_FALSE(workload("shop/api").ingress.policies.empty());
}

}  // namespace
}  // namespace fairlead::compile
