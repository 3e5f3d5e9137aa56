// How AuthorizationPolicies decide, after Istio's reference: their order and parts, TCP, dry run, and what is refused.
#include "tests/unit/policy/callers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::policy {
namespace {

using test::allow;
using test::check;
using test::deny;
using test::dry_run;
using test::facts_of;
using test::ip;
using test::kBatch;
using test::kClient;
using test::kElsewhere;
using test::kNobody;
using test::Policies;
using test::Request;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Policy, WithoutPoliciesEverythingIsAllowed) {
  const Decision decision = PolicySet{}.decide(facts_of(kNobody, nullptr));
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.policy, nullptr);
}

TEST(Policy, AllowWithoutRulesAllowsNothingAndAnEmptyRuleEverything) {
  EXPECT_FALSE(Policies({allow({})}).decide(facts_of(&kClient, nullptr)).allowed);
  EXPECT_TRUE(Policies({allow({{}})}).decide(facts_of(kNobody, nullptr)).allowed);
}

TEST(Policy, DenyGoesFirstAndTheDecisionNamesPolicyAndRule) {
  const Policies policies({allow({{}}), deny({{.to = {{.methods = {"PUT"}}}}, {.to = {{.paths = {"/admin*"}}}}})});
  const Request admin("/admin/x"), plain("/");
  const Decision denied = policies.decide(facts_of(&kClient, &admin.head()));
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.policy, &policies.at(1));
  EXPECT_EQ(denied.rule, 1);
  const Decision allowed = policies.decide(facts_of(&kClient, &plain.head()));
  EXPECT_TRUE(allowed.allowed);
  EXPECT_EQ(allowed.policy, &policies.at(0));
  EXPECT_EQ(allowed.rule, 0);
}

TEST(Policy, WithoutAMatchingAllowNoPolicyIsNamed) {
  const Decision decision = Policies({allow({})}).decide(facts_of(&kClient, nullptr));
  EXPECT_EQ(decision.policy, nullptr);
  EXPECT_EQ(decision.rule, -1);
}

TEST(Policy, RulesAreOredPartsAreAndedEntriesAreOredAndFieldsAreAnded) {
  const Policies policies({allow({
      {.from = {{.principals = {"cluster.local/ns/shop/sa/client"}}, {.namespaces = {"other"}}},
       .to = {{.methods = {"GET"}, .paths = {"/r1"}}, {.methods = {"POST"}, .paths = {"/r1x"}}}},
      {.from = {{.namespaces = {"shop"}, .ip_blocks = {"10.0.0.1"}}}, .to = {{.paths = {"/r2"}}}},
      {.from = {{.namespaces = {"shop"}, .ip_blocks = {"10.0.0.2"}}}, .to = {{.paths = {"/r2-elsewhere"}}}},
      {.to = {{.paths = {"/r3"}}}},
  })});
  check(policies, {
                      {"first source, first operation", &kClient, "/r1", true},
                      {"second source, second operation", &kElsewhere, "/r1x", true, "POST"},
                      {"the method of one operation with the path of the other", &kClient, "/r1", false, "POST"},
                      {"neither source", &kBatch, "/r1", false},
                      {"both fields of a source", &kClient, "/r2", true},
                      {"one of two fields", &kClient, "/r2-elsewhere", false},
                      {"no source wanted", kNobody, "/r3", true},
                  });
}

TEST(Policy, OnTcpAnAllowRuleWithAnHttpFieldNeverMatchesHoweverItIsWritten) {
  const test::RuleSpec rules[] = {
      {.to = {{.methods = {"GET"}}}},
      {.to = {{.not_methods = {"GET"}}}},
      {.to = {{.ports = {"9000"}}, {.ports = {"9001"}, .paths = {"/x"}}}},
      {.when = {{.key = "request.headers[x-a]", .not_values = {"b"}}}},
  };
  for (const auto& rule : rules) {
    EXPECT_FALSE(Policies({allow({rule})}).decide(facts_of(&kClient, nullptr, 9000)).allowed);
    EXPECT_TRUE(Policies({allow({rule})}).at(0).needs_http());
  }
}

TEST(Policy, OnTcpTheOtherRulesOfAnAllowPolicyKeepWorking) {
  const Policies policies(
      {allow({{.to = {{.ports = {"9000"}, .methods = {"GET"}}}},
              {.from = {{.principals = {"cluster.local/ns/shop/sa/client"}}}, .to = {{.ports = {"9000"}}}}})});
  EXPECT_TRUE(policies.decide(facts_of(&kClient, nullptr, 9000)).allowed);
  EXPECT_FALSE(policies.decide(facts_of(&kBatch, nullptr, 9000)).allowed);
  EXPECT_FALSE(policies.decide(facts_of(&kClient, nullptr, 9001)).allowed);
}

TEST(Policy, OnTcpADenyRuleLosesItsHttpFieldsAndKeepsTheRest) {
  const Policies methods({deny({{.to = {{.methods = {"DELETE"}}}}})});
  EXPECT_FALSE(methods.decide(facts_of(&kClient, nullptr)).allowed);
  const Policies port({deny({{.to = {{.ports = {"9000"}, .methods = {"DELETE"}}}}})});
  EXPECT_FALSE(port.decide(facts_of(&kClient, nullptr, 9000)).allowed);
  EXPECT_TRUE(port.decide(facts_of(&kClient, nullptr, 9001)).allowed);
  const Policies named({deny({{.from = {{.principals = {"*/sa/client"}}}, .to = {{.paths = {"/x"}}}}})});
  EXPECT_FALSE(named.decide(facts_of(&kClient, nullptr)).allowed);
  EXPECT_TRUE(named.decide(facts_of(&kBatch, nullptr)).allowed);
  const Policies header({deny({{.when = {{.key = "request.headers[x-a]", .values = {"b"}}}}})});
  EXPECT_FALSE(header.decide(facts_of(&kClient, nullptr)).allowed);
}

TEST(Policy, WhatCannotBeJudgedYetFailsClosed) {
  const test::RuleSpec rules[] = {
      {.from = {{.request_principals = {"*"}}}},
      {.from = {{.not_request_principals = {"issuer/subject"}}}},
      {.when = {{.key = "request.auth.claims[group][sub]", .values = {"a"}}}},
      {.when = {{.key = "request.auth.audiences", .not_values = {"a"}}}},
      {.when = {{.key = "connection.sni", .values = {"a"}}}},
      {.when = {{.key = "experimental.envoy.filters.network.mysql_proxy[db.table]", .values = {"[update]"}}}},
  };
  const Request request("/");
  for (const auto& rule : rules) {
    for (const http::RequestHead* head : {&request.head(), static_cast<const http::RequestHead*>(nullptr)}) {
      EXPECT_FALSE(Policies({allow({rule})}).decide(facts_of(&kClient, head)).allowed);
      EXPECT_FALSE(Policies({deny({rule})}).decide(facts_of(&kClient, head)).allowed);
    }
  }
}

TEST(Policy, ADryRunPolicyDecidesNothingAndIsNamedWhereItWouldHaveChangedTheAnswer) {
  const auto decide = [](const Policies& policies) { return policies.decide(facts_of(&kClient, nullptr)); };
  const Policies would_deny({dry_run(deny({{}}))});
  EXPECT_TRUE(decide(would_deny).allowed);
  EXPECT_EQ(decide(would_deny).shadow, &would_deny.at(0));

  const Policies would_close({dry_run(allow({}))});
  EXPECT_TRUE(decide(would_close).allowed);
  EXPECT_EQ(decide(would_close).shadow, &would_close.at(0));

  const Policies would_open({allow({}), dry_run(allow({{}}))});
  EXPECT_FALSE(decide(would_open).allowed);
  EXPECT_EQ(decide(would_open).shadow, &would_open.at(1));

  const Policies changes_nothing({deny({{}}), dry_run(allow({{}})), dry_run(deny({{}}))});
  EXPECT_FALSE(decide(changes_nothing).allowed);
  EXPECT_EQ(decide(changes_nothing).shadow, nullptr);
}

TEST(Policy, TheKernelsTableGetsEveryBlockAndEveryPortOnce) {
  const Policies policies(
      {deny({{.from = {{.ip_blocks = {"10.0.0.0/8", "192.0.2.1"}, .not_remote_ip_blocks = {"10.0.0.0/8"}}},
              .to = {{.ports = {"80"}, .not_ports = {"443"}}},
              .when = {{.key = "source.ip", .values = {"fd00::/8"}},
                       {.key = "destination.port", .not_values = {"80", "22"}}}}})});
  std::vector<std::string> blocks;
  for (const Cidr& block : policies.at(0).blocks()) {
    blocks.push_back(block.text());
  }
  EXPECT_THAT(blocks, testing::UnorderedElementsAre("10.0.0.0/8", "192.0.2.1/32", "fd00::/8"));
  EXPECT_THAT(policies.at(0).ports(), ElementsAre(22, 80, 443));
  EXPECT_FALSE(policies.at(0).needs_http());
  EXPECT_FALSE(policies.at(0).names_destination_ip());
  EXPECT_TRUE(
      Policies({deny({{.when = {{.key = "destination.ip", .values = {"::1"}}}}})}).at(0).names_destination_ip());
}

TEST(Policy, AnErrorNamesTheField) {
  const struct {
    test::RuleSpec rule;
    const char* field;
  } cases[] = {
      {{.from = {{}, {.ip_blocks = {"10.0.0.1", "10.0.0.0/33"}}}}, "rules[0].from[1].source.ipBlocks[1]: "},
      {{.from = {{.not_remote_ip_blocks = {"client"}}}}, "rules[0].from[0].source.notRemoteIpBlocks[0]: "},
      {{.to = {{.ports = {"http"}}}}, "rules[0].to[0].operation.ports[0]: "},
      {{.to = {{.not_ports = {"65536"}}}}, "rules[0].to[0].operation.notPorts[0]: "},
      {{.to = {{.ports = {"0"}}}}, "rules[0].to[0].operation.ports[0]: "},
      {{.to = {{.ports = {"80 "}}}}, "rules[0].to[0].operation.ports[0]: "},
      {{.to = {{.paths = {"/a", "/{**}/{*}"}}}}, "rules[0].to[0].operation.paths[1]: "},
      {{.when = {{.key = "request.header[x]", .values = {"a"}}}}, "rules[0].when[0].key: "},
      {{.when = {{.key = "request.headers[]", .values = {"a"}}}}, "rules[0].when[0].key: "},
      {{.when = {{.key = "source.ip"}}}, "rules[0].when[0]: "},
      {{.when = {{.key = "source.ip", .not_values = {"x"}}}}, "rules[0].when[0].notValues[0]: "},
  };
  for (const auto& c : cases) {
    const auto built = Policy::build(deny({c.rule}));
    ASSERT_FALSE(built) << c.field;
    EXPECT_THAT(built.error().message(), testing::StartsWith(c.field));
  }
}

TEST(Policy, AnActionThatIsNoneIsAnError) {
  auto wire = allow({{}});
  wire.set_action(static_cast<config::wire::Policy::Action>(7));
  const auto built = Policy::build(wire);
  ASSERT_FALSE(built);
  EXPECT_THAT(built.error().message(), HasSubstr("action"));
}

}  // namespace
}  // namespace fairlead::policy
