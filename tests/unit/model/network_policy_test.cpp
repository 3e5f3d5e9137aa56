// What NetworkPolicy is read as, and what of it Kubernetes refuses.
#include "agent/model/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Loaded load(const std::string& spec) {
  return load_documents(
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: shop}\nspec: " + spec +
          "\n",
      "f");
}

NetworkPolicy policy(const std::string& spec) {
  const Loaded loaded = load(spec);
  EXPECT_THAT(loaded.objects, SizeIs(1)) << spec << (loaded.messages.empty() ? "" : loaded.messages[0].line());
  return loaded.objects.empty() ? NetworkPolicy() : std::get<NetworkPolicy>(loaded.objects[0].second);
}

TEST(NetworkPolicyKind, IsReadWithEveryPart) {
  const NetworkPolicy read = policy(R"(
  podSelector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: NotIn, values: [a, b]}]}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {}
      namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.3.4/32]}
    ports: [{port: 80}, {port: http, protocol: TCP}, {protocol: UDP, port: 53}, {port: 8000, endPort: 8080}, {}]
  egress: [{}])");
  EXPECT_EQ(read.pods.match_labels.at("app"), "web");
  ASSERT_THAT(read.pods.match_expressions, SizeIs(1));
  EXPECT_EQ(read.pods.match_expressions[0].op, LabelRequirement::Operator::kNotIn);
  EXPECT_THAT(read.pods.match_expressions[0].values, ElementsAre("a", "b"));
  ASSERT_THAT(*read.ingress, SizeIs(1));
  const NetworkRule& rule = read.ingress->front();
  ASSERT_THAT(rule.peers, SizeIs(2));
  EXPECT_EQ(rule.peers[0].pods, LabelSelector());
  EXPECT_EQ(rule.peers[0].namespaces->match_expressions[0].key, "team");
  EXPECT_FALSE(rule.peers[0].block);
  EXPECT_EQ(rule.peers[1].block->text(), "10.0.0.0/8");
  EXPECT_THAT(rule.peers[1].except, SizeIs(2));
  ASSERT_THAT(rule.ports, SizeIs(5));
  EXPECT_EQ(std::get<uint16_t>(rule.ports[0].port), 80);
  EXPECT_EQ(std::get<std::string>(rule.ports[1].port), "http");
  EXPECT_EQ(rule.ports[2].protocol, "UDP");
  EXPECT_EQ(rule.ports[3].end_port, 8080);
  EXPECT_EQ(std::get<uint16_t>(rule.ports[4].port), 0);
  EXPECT_EQ(*read.egress, std::vector<NetworkRule>(1));
}

TEST(NetworkPolicyKind, IsolatesIngressAlwaysAndEgressWhereItHasRulesUnlessTypesAreNamed) {
  const NetworkPolicy ingress = policy("{podSelector: {}}");
  EXPECT_THAT(*ingress.ingress, IsEmpty());
  EXPECT_FALSE(ingress.egress);
  const NetworkPolicy both = policy("{podSelector: {}, egress: [{}]}");
  EXPECT_TRUE(both.ingress);
  EXPECT_THAT(*both.egress, SizeIs(1));
  const NetworkPolicy egress = policy("{podSelector: {}, policyTypes: [Egress]}");
  EXPECT_FALSE(egress.ingress);
  EXPECT_THAT(*egress.egress, IsEmpty());
}

TEST(NetworkPolicyKind, RefusesWhatKubernetesRefuses) {
  const std::pair<const char*, const char*> cases[] = {
      {"{ingress: [{from: [{}]}]}", "spec.ingress[0].from[0]"},
      {"{ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}", "spec.ingress[0].from[0]"},
      {"{ingress: [{from: [{ipBlock: {}}]}]}", "spec.ingress[0].from[0].ipBlock.cidr"},
      {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.1}}]}]}", "spec.ingress[0].from[0].ipBlock.cidr"},
      {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}",
       "spec.ingress[0].from[0].ipBlock.except[0]"},
      {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}",
       "spec.ingress[0].from[0].ipBlock.except[0]"},
      {"{egress: [{ports: [{port: 70000}]}]}", "spec.egress[0].ports[0].port"},
      {"{egress: [{ports: [{port: 80, endPort: 79}]}]}", "spec.egress[0].ports[0].endPort"},
      {"{egress: [{ports: [{port: http, endPort: 90}]}]}", "spec.egress[0].ports[0].endPort"},
      {"{egress: [{ports: [{endPort: 90}]}]}", "spec.egress[0].ports[0].endPort"},
      {"{egress: [{ports: [{protocol: TLS}]}]}", "spec.egress[0].ports[0].protocol"},
      {"{policyTypes: [ingress]}", "spec.policyTypes[0]"},
      {"{podSelector: {matchExpressions: [{key: a, operator: In}]}}", "spec.podSelector.matchExpressions[0]"},
      {"{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}",
       "spec.podSelector.matchExpressions[0]"},
      {"{podSelector: {matchExpressions: [{key: a, operator: Like}]}}",
       "spec.podSelector.matchExpressions[0].operator"},
      {"{podSelector: {matchLabels: {\"a b\": c}}}", "spec.podSelector.matchLabels[a b]"},
  };
  for (const auto& [spec, field] : cases) {
    const Loaded loaded = load(spec);
    EXPECT_THAT(loaded.objects, IsEmpty()) << spec;
    ASSERT_FALSE(loaded.messages.empty()) << spec;
    EXPECT_EQ(loaded.messages[0].field, field) << spec << ": " << loaded.messages[0].line();
    EXPECT_EQ(loaded.messages[0].severity, Severity::kError) << spec;
  }
}

TEST(NetworkPolicyKind, WithoutASpecClosesTheNamespace) {
  const NetworkPolicy closed = policy("");
  EXPECT_EQ(closed.pods, LabelSelector());
  EXPECT_THAT(*closed.ingress, IsEmpty());
  EXPECT_FALSE(closed.egress);
}

}  // namespace
}  // namespace fairlead::model
