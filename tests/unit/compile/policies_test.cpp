// AuthorizationPolicy and PeerAuthentication in the snapshot.
#include "agent/compile/policies.h"

#include "agent/compile/peer_authentication.h"
#include "tests/unit/compile/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace fairlead::compile {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Action = model::AuthorizationPolicy::Action;
using PeerMode = model::PeerAuthentication::Mode;

// Names of the policies that apply to a pod.
std::vector<std::string> policies_of(const wire::Snapshot& snapshot, std::string_view uid) {
  std::vector<std::string> names;
  for (const uint32_t index : workload(snapshot, uid)->policies()) {
    names.push_back(snapshot.policies(static_cast<int>(index)).name());
  }
  return names;
}

class PoliciesTest : public testing::Test {
 protected:
  PoliciesTest() {
    world.enrol(pod("shop", "web", "10.0.0.1", {{"app", "web"}, {"tier", "front"}}));
    world.enrol(pod("other", "web", "10.0.0.2", {{"app", "web"}}));
    world.enrol(pod("other", "api", "10.0.0.3", {{"app", "api"}}));
  }

  void add(const std::string& ns, const std::string& name, std::optional<model::Labels> selector) {
    auto object = authorization(ns, name, Action::kDeny, {path_rule("/" + name)});
    object.selector = std::move(selector);
    world.add(object);
  }

  World world;
};

TEST_F(PoliciesTest, ScopeIsTheMeshTheNamespaceOrTheSelectedPods) {
  add("istio-system", "mesh", std::nullopt);
  add("istio-system", "root-web", model::Labels{{"app", "web"}});
  add("istio-system", "both", model::Labels{{"app", "web"}, {"tier", "front"}});
  add("other", "ns", std::nullopt);
  add("other", "workload", model::Labels{{"app", "api"}});
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_THAT(policies_of(snapshot, "shop/web"),
              UnorderedElementsAre("istio-system/mesh", "istio-system/root-web", "istio-system/both"));
  EXPECT_THAT(policies_of(snapshot, "other/web"),
              UnorderedElementsAre("istio-system/mesh", "istio-system/root-web", "other/ns"));
  EXPECT_THAT(policies_of(snapshot, "other/api"),
              UnorderedElementsAre("istio-system/mesh", "other/ns", "other/workload"));
}

TEST_F(PoliciesTest, OnlyWhatThisNodeEnforcesIsInTheSnapshot) {
  add("shop", "web", std::nullopt);
  add("other", "all", std::nullopt);
  world.inputs.pods["other/web"].mode = config::Mode::kOff;
  world.inputs.pods["other/api"].mode = config::Mode::kSidecar;
  world.add(pod("shop", "remote", "10.0.0.9"));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_THAT(policies_of(snapshot, "shop/remote"), IsEmpty());
  EXPECT_THAT(policies_of(snapshot, "other/web"), IsEmpty());
  EXPECT_THAT(policies_of(snapshot, "other/api"), ElementsAre("other/all"));
}

TEST_F(PoliciesTest, AuditIsDroppedAndCustomRefusesWhatItSelects) {
  world.add(authorization("shop", "audit", Action::kAudit, {path_rule("/a")}));
  world.add(authorization("shop", "custom", Action::kCustom, {path_rule("/c")}));
  const Compiled compiled = world.compile();
  ASSERT_THAT(policies_of(compiled.snapshot, "shop/web"), ElementsAre("shop/custom"));
  EXPECT_EQ(compiled.snapshot.policies(0).action(), wire::Policy::DENY);
  EXPECT_EQ(compiled.snapshot.policies(0).rules(0).to(0).paths(0), "/c");
  EXPECT_EQ(count(compiled, code::kCustomRefused), 1);
}

TEST_F(PoliciesTest, TargetRefsAreForWaypoints) {
  auto object = authorization("shop", "web", Action::kDeny, {{}});
  object.target_refs = {{"", "Service", "web"}};
  world.add(object);
  const Compiled compiled = world.compile();
  EXPECT_THAT(policies_of(compiled.snapshot, "shop/web"), IsEmpty());
  EXPECT_EQ(count(compiled, code::kTargetRefs), 1);
}

TEST_F(PoliciesTest, EveryFieldIsTranslated) {
  model::AuthorizationRule all;
  auto& source = all.from.emplace_back();
  source.principals = {"spiffe://cluster.local/ns/a/sa/b"};
  source.not_principals = {"p"};
  source.request_principals = {"rp"};
  source.not_request_principals = {"nrp"};
  source.namespaces = {"n"};
  source.not_namespaces = {"nn"};
  source.ip_blocks = {"10.0.0.0/8"};
  source.not_ip_blocks = {"10.1.0.0/16"};
  source.remote_ip_blocks = {"10.2.0.0/16"};
  source.not_remote_ip_blocks = {"10.3.0.0/16"};
  auto& accounts = all.from.emplace_back();
  accounts.service_accounts = {"client", "prod/client"};
  accounts.not_service_accounts = {"x"};
  auto& operation = all.to.emplace_back();
  operation.hosts = {"h"};
  operation.not_hosts = {"nh"};
  operation.ports = {"80"};
  operation.not_ports = {"81"};
  operation.methods = {"GET"};
  operation.not_methods = {"PUT"};
  operation.paths = {"/p"};
  operation.not_paths = {"/np"};
  all.when = {{"request.headers[x-a]", {"1"}, {"2"}}, {"source.serviceAccount", {"client"}, {}}};
  auto object = authorization("shop", "web", Action::kAllow, {all});
  object.dry_run = true;
  const wire::Policy policy = to_wire(object);
  EXPECT_EQ(policy.name(), "shop/web");
  EXPECT_EQ(policy.action(), wire::Policy::ALLOW);
  EXPECT_TRUE(policy.dry_run());
  const wire::Source& from = policy.rules(0).from(0);
  EXPECT_THAT(from.principals(), ElementsAre("spiffe://cluster.local/ns/a/sa/b")) << "literal: it never matches";
  EXPECT_THAT(from.not_principals(), ElementsAre("p"));
  EXPECT_THAT(from.request_principals(), ElementsAre("rp"));
  EXPECT_THAT(from.not_request_principals(), ElementsAre("nrp"));
  EXPECT_THAT(from.namespaces(), ElementsAre("n"));
  EXPECT_THAT(from.not_namespaces(), ElementsAre("nn"));
  EXPECT_THAT(from.ip_blocks(), ElementsAre("10.0.0.0/8"));
  EXPECT_THAT(from.not_ip_blocks(), ElementsAre("10.1.0.0/16"));
  EXPECT_THAT(from.remote_ip_blocks(), ElementsAre("10.2.0.0/16"));
  EXPECT_THAT(from.not_remote_ip_blocks(), ElementsAre("10.3.0.0/16"));
  EXPECT_THAT(policy.rules(0).from(1).service_accounts(), ElementsAre("shop/client", "prod/client"));
  EXPECT_THAT(policy.rules(0).from(1).not_service_accounts(), ElementsAre("shop/x"));
  const wire::Operation& to = policy.rules(0).to(0);
  EXPECT_THAT(to.hosts(), ElementsAre("h"));
  EXPECT_THAT(to.not_hosts(), ElementsAre("nh"));
  EXPECT_THAT(to.ports(), ElementsAre("80"));
  EXPECT_THAT(to.not_ports(), ElementsAre("81"));
  EXPECT_THAT(to.methods(), ElementsAre("GET"));
  EXPECT_THAT(to.not_methods(), ElementsAre("PUT"));
  EXPECT_THAT(to.paths(), ElementsAre("/p"));
  EXPECT_THAT(to.not_paths(), ElementsAre("/np"));
  EXPECT_EQ(policy.rules(0).when(0).key(), "request.headers[x-a]");
  EXPECT_THAT(policy.rules(0).when(0).values(), ElementsAre("1"));
  EXPECT_THAT(policy.rules(0).when(0).not_values(), ElementsAre("2"));
  EXPECT_THAT(policy.rules(0).when(1).values(), ElementsAre("shop/client"));
}

TEST(ToWireTest, ASourceWithTrustDomainsBecomesARuleOfItsOwn) {
  model::AuthorizationRule rule = path_rule("/x");
  rule.from.resize(2);
  rule.from[0].namespaces = {"a"};
  rule.from[0].trust_domains = {"td"};
  rule.from[1].namespaces = {"b"};
  wire::Policy policy = to_wire(authorization("shop", "p", Action::kAllow, {rule}));
  ASSERT_EQ(policy.rules_size(), 2);
  EXPECT_THAT(policy.rules(0).from(0).namespaces(), ElementsAre("a"));
  EXPECT_EQ(policy.rules(0).when(0).key(), "source.trustDomain");
  EXPECT_THAT(policy.rules(0).when(0).values(), ElementsAre("td"));
  EXPECT_THAT(policy.rules(0).to(0).paths(), ElementsAre("/x"));
  ASSERT_EQ(policy.rules(1).from_size(), 1);
  EXPECT_THAT(policy.rules(1).from(0).namespaces(), ElementsAre("b"));
  EXPECT_EQ(policy.rules(1).when_size(), 0);

  rule.from.resize(1);
  policy = to_wire(authorization("shop", "p", Action::kAllow, {rule}));
  EXPECT_EQ(policy.rules_size(), 1) << "a rule without sources would allow everybody";
}

TEST(SelectsHttpTest, LooksAtTheRulesThatCanMatchOnThePort) {
  model::AuthorizationRule l4;
  l4.to.emplace_back().ports = {"80"};
  model::AuthorizationRule when;
  when.when = {{"request.headers[a]", {"1"}, {}}};
  model::AuthorizationRule when_on_80 = when;
  when_on_80.to.emplace_back().ports = {"80"};
  model::AuthorizationRule not_80 = path_rule("/x");
  not_80.to[0].not_ports = {"80"};
  const auto selects = [](const model::AuthorizationRule& rule, uint16_t port) {
    return selects_http(to_wire(authorization("shop", "p", Action::kAllow, {rule})), port);
  };
  EXPECT_FALSE(selects(l4, 80));
  EXPECT_TRUE(selects(path_rule("/x"), 80));
  EXPECT_TRUE(selects(when, 80));
  EXPECT_TRUE(selects(when_on_80, 80));
  EXPECT_FALSE(selects(when_on_80, 81));
  EXPECT_FALSE(selects(not_80, 80));
  EXPECT_TRUE(selects(not_80, 81));
}

model::PeerAuthentication peer(const std::string& ns, const std::string& name, PeerMode mode,
                               std::optional<model::Labels> selector = std::nullopt) {
  model::PeerAuthentication out;
  out.meta = meta(ns, name);
  out.mode = mode;
  out.selector = std::move(selector);
  return out;
}

TEST(PeerAuthenticationTest, TheNarrowestDecidesAndUnsetInherits) {
  const auto web = pod("shop", "web", "10.0.0.1", {{"app", "web"}});
  const auto mesh = peer("istio-system", "default", PeerMode::kStrict);
  const auto mesh_web = peer("istio-system", "web", PeerMode::kDisable, model::Labels{{"app", "web"}});
  const auto ns = peer("shop", "default", PeerMode::kPermissive);
  const auto ns_unset = peer("shop", "default", PeerMode::kUnset);
  const auto own = peer("shop", "web", PeerMode::kDisable, model::Labels{{"app", "web"}});
  const auto own_unset = peer("shop", "web", PeerMode::kUnset, model::Labels{{"app", "web"}});
  const auto others = peer("shop", "api", PeerMode::kDisable, model::Labels{{"app", "api"}});
  struct Case {
    std::vector<const model::PeerAuthentication*> policies;
    PeerMode expected;
  };
  const Case cases[] = {
      {{}, PeerMode::kPermissive},
      {{&mesh}, PeerMode::kStrict},
      {{&mesh_web}, PeerMode::kPermissive},
      {{&mesh, &ns}, PeerMode::kPermissive},
      {{&mesh, &ns_unset}, PeerMode::kStrict},
      {{&mesh, &ns, &own}, PeerMode::kDisable},
      {{&mesh, &own_unset}, PeerMode::kStrict},
      {{&mesh, &others}, PeerMode::kStrict},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(effective_mode(c.policies, web, "istio-system").mode, c.expected);
  }
}

TEST(PeerAuthenticationTest, OfOneLevelTheOldestCounts) {
  auto older = peer("shop", "z", PeerMode::kStrict);
  older.meta.creation_timestamp = "2024-01-01T00:00:00Z";
  auto newer = peer("shop", "a", PeerMode::kDisable);
  newer.meta.creation_timestamp = "2024-01-02T00:00:00Z";
  EXPECT_EQ(effective_mode({&newer, &older}, pod("shop", "web", ""), "istio-system").mode, PeerMode::kStrict);
}

TEST(PeerAuthenticationTest, StrictRefusesCallersWithoutIdentityOnItsPorts) {
  const auto web = pod("shop", "web", "10.0.0.1", {{"app", "web"}});
  auto strict = peer("shop", "web", PeerMode::kStrict, model::Labels{{"app", "web"}});
  strict.port_modes = {{9090, PeerMode::kPermissive}, {7070, PeerMode::kDisable}, {8080, PeerMode::kUnset}};
  auto policy = strict_policy(effective_mode({&strict}, web, "istio-system"));
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->name(), "PeerAuthentication/shop/web");
  EXPECT_EQ(policy->action(), wire::Policy::DENY);
  EXPECT_THAT(policy->rules(0).from(0).not_principals(), ElementsAre("*"));
  EXPECT_THAT(policy->rules(0).to(0).not_ports(), ElementsAre("7070", "9090"));

  auto permissive = peer("shop", "web", PeerMode::kPermissive, model::Labels{{"app", "web"}});
  permissive.port_modes = {{9090, PeerMode::kStrict}};
  policy = strict_policy(effective_mode({&permissive}, web, "istio-system"));
  ASSERT_TRUE(policy);
  EXPECT_THAT(policy->rules(0).to(0).ports(), ElementsAre("9090"));

  EXPECT_FALSE(strict_policy(effective_mode({}, web, "istio-system")));
  const auto ns = peer("shop", "default", PeerMode::kStrict);
  EXPECT_EQ(strict_policy(effective_mode({&ns}, web, "istio-system"))->rules(0).to_size(), 0);
}

TEST_F(PoliciesTest, PodsUnderOneStrictPolicyShareIt) {
  world.add(peer("istio-system", "default", PeerMode::kStrict));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(snapshot.policies_size(), 1);
  EXPECT_THAT(policies_of(snapshot, "other/api"), ElementsAre("PeerAuthentication/istio-system/default"));
  EXPECT_THAT(policies_of(snapshot, "shop/web"), ElementsAre("PeerAuthentication/istio-system/default"));
}

}  // namespace
}  // namespace fairlead::compile
