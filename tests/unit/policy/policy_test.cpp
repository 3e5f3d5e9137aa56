// The answers of AuthorizationPolicies, written after Istio's reference: one table per subject.
#include "userspace-proxy/policy/policy.h"

#include "tests/unit/config/request.h"
#include "tests/unit/policy/policy_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::policy {
namespace {

using test::allow;
using test::deny;
using test::dry_run;
using test::identity;
using test::Policies;
using test::Request;
using testing::ElementsAre;
using testing::HasSubstr;

const Identity kClient = identity(1, "shop", "client");
const Identity kBatch = identity(2, "shop", "batch");
const Identity kElsewhere = identity(3, "other", "client");
const Identity kSimilarNamespace = identity(4, "shopping", "client");
const Identity* const kNobody = nullptr;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

Facts facts_of(const Identity* source, const http::RequestHead* head, uint16_t port = 8080) {
  return {.source = source,
          .source_ip = ip("10.0.0.1"),
          .remote_ip = ip("10.0.0.1"),
          .destination_ip = ip("10.0.0.9"),
          .destination_port = port,
          .http = head};
}

struct HttpCase {
  const char* name;
  const Identity* source;
  const char* target;
  bool allowed;
  const char* method = "GET";
  const char* host = "web.shop";
  Request::Headers headers = {};
};

void check(const Policies& policies, std::initializer_list<HttpCase> cases) {
  for (const HttpCase& c : cases) {
    Request request(c.target, c.method, c.host);
    request.with(c.headers);
    EXPECT_EQ(policies.decide(facts_of(c.source, &request.head())).allowed, c.allowed) << c.name;
  }
}

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

TEST(Policy, PrincipalsTakePrefixSuffixAndPresenceButNoAsteriskInTheMiddle) {
  const auto rule = [](const char* principal, const char* path) {
    return test::RuleSpec{.from = {{.principals = {principal}}}, .to = {{.paths = {path}}}};
  };
  const Policies policies({allow({rule("cluster.local/ns/shop/*", "/prefix"), rule("*/sa/client", "/suffix"),
                                  rule("*", "/any"), rule("cluster.local/ns/*/sa/client", "/middle"),
                                  rule("spiffe://cluster.local/ns/shop/sa/client", "/scheme"),
                                  rule("cluster.local/ns/shop/sa/client", "/exact")})});
  check(policies, {
                      {"prefix, own namespace", &kClient, "/prefix", true},
                      {"prefix, other namespace", &kElsewhere, "/prefix", false},
                      {"a namespace's name does not run over the slash", &kSimilarNamespace, "/prefix", false},
                      {"suffix", &kElsewhere, "/suffix", true},
                      {"suffix, other account", &kBatch, "/suffix", false},
                      {"presence", &kBatch, "/any", true},
                      {"presence without identity", kNobody, "/any", false},
                      {"an asterisk in the middle is a character", &kClient, "/middle", false},
                      {"the scheme is taken literally", &kClient, "/scheme", false},
                      {"exact", &kClient, "/exact", true},
                      {"exact, same account elsewhere", &kElsewhere, "/exact", false},
                      {"exact, no identity", kNobody, "/exact", false},
                  });
}

TEST(Policy, NamespacesAndAccountsAreRecognised) {
  const auto rule = [](test::SourceSpec source, const char* path) {
    return test::RuleSpec{.from = {std::move(source)}, .to = {{.paths = {path}}}};
  };
  const Policies policies({allow({
      rule({.namespaces = {"shop"}}, "/exact"),
      rule({.namespaces = {"shop*"}}, "/prefix"),
      rule({.namespaces = {"*ther"}}, "/suffix"),
      rule({.namespaces = {"sh*ing"}}, "/middle"),
      rule({.namespaces = {"*"}}, "/any"),
      rule({.service_accounts = {"other/client"}}, "/account"),
      rule({.service_accounts = {"client"}}, "/own-account"),
      rule({.not_service_accounts = {"shop/client"}}, "/not-account"),
  })});
  check(policies, {
                      {"exact", &kClient, "/exact", true},
                      {"exact is no prefix", &kSimilarNamespace, "/exact", false},
                      {"prefix", &kSimilarNamespace, "/prefix", true},
                      {"suffix", &kElsewhere, "/suffix", true},
                      {"middle", &kSimilarNamespace, "/middle", true},
                      {"middle, other end", &kClient, "/middle", false},
                      {"any", &kElsewhere, "/any", true},
                      {"any wants an identity", kNobody, "/any", false},
                      {"account with namespace", &kElsewhere, "/account", true},
                      {"the account elsewhere", &kClient, "/account", false},
                      {"account of the policy's namespace", &kClient, "/own-account", true},
                      {"that account elsewhere", &kElsewhere, "/own-account", false},
                      {"excepted account", &kClient, "/not-account", false},
                      {"account that is not excepted", &kBatch, "/not-account", true},
                      {"no account is not the excepted one", kNobody, "/not-account", true},
                  });
}

TEST(Policy, NegatedIdentityFieldsHoldWithoutIdentityPositiveOnesNever) {
  check(Policies({allow({{.from = {{.not_namespaces = {"other"}}}}})}),
        {{"excluded", &kElsewhere, "/", false}, {"other", &kClient, "/", true}, {"nobody", kNobody, "/", true}});
  check(Policies({deny({{.from = {{.not_principals = {"cluster.local/ns/shop/sa/client"}}}}})}),
        {{"exempted", &kClient, "/", true}, {"other", &kElsewhere, "/", false}, {"nobody", kNobody, "/", false}});
  check(Policies({deny({{.from = {{.namespaces = {"other"}}}}})}),
        {{"named", &kElsewhere, "/", false}, {"nobody is in no namespace", kNobody, "/", true}});
  const Identity unknown{.id = 0, .principal = "", .ns = "other", .service_account = ""};
  check(Policies({deny({{.from = {{.namespaces = {"other"}}}}})}), {{"identity 0 is nobody", &unknown, "/", true}});
}

TEST(Policy, APositiveAndANegatedFieldMeanEverythingInTheOneButTheOther) {
  check(Policies({allow({{.from = {{.not_principals = {"*/sa/batch"}, .namespaces = {"shop"}}},
                          .to = {{.paths = {"/api/*"}, .not_paths = {"/api/internal*"}}}}})}),
        {
            {"inside", &kClient, "/api/x", true},
            {"excepted path", &kClient, "/api/internal/x", false},
            {"outside", &kClient, "/x", false},
            {"excepted principal", &kBatch, "/api/x", false},
            {"another namespace", &kElsewhere, "/api/x", false},
        });
}

TEST(Policy, MethodsKeepTheirCaseAndTakePrefixes) {
  check(Policies({allow({{.to = {{.methods = {"GET"}, .paths = {"/a"}}}},
                         {.to = {{.methods = {"P*"}, .paths = {"/p"}}}},
                         {.to = {{.methods = {"*"}, .paths = {"/any"}}}},
                         {.to = {{.not_methods = {"DELETE", "PUT"}, .paths = {"/not"}}}},
                         {.to = {{.methods = {"get"}, .paths = {"/lower"}}}}})}),
        {
            {"GET", kNobody, "/a", true},
            {"HEAD is not GET", kNobody, "/a", false, "HEAD"},
            {"prefix", kNobody, "/p", true, "PATCH"},
            {"prefix, another", kNobody, "/p", false, "GET"},
            {"any", kNobody, "/any", true, "PURGE"},
            {"not excluded", kNobody, "/not", true, "POST"},
            {"excluded", kNobody, "/not", false, "DELETE"},
            {"lower case is another method", kNobody, "/lower", false},
        });
}

TEST(Policy, PathsAreExactPrefixOrSuffixTemplatesBySegmentAllWithoutQuery) {
  check(Policies({allow({{.to = {{.paths = {"/info", "/data*", "*.png", "/shops/{*}/items", "/files/{**}"}}}}})}),
        {
            {"exact", kNobody, "/info", true},
            {"exact with query", kNobody, "/info?x=/admin", true},
            {"trailing slash", kNobody, "/info/", false},
            {"other case", kNobody, "/Info", false},
            {"prefix is text, not segment", kNobody, "/database", true},
            {"suffix", kNobody, "/img/cat.png?v=2", true},
            {"suffix in the query", kNobody, "/img/cat?f=x.png", false},
            {"template", kNobody, "/shops/12/items?a=/b/c", true},
            {"template, two segments", kNobody, "/shops/1/2/items", false},
            {"template, the rest", kNobody, "/files/a/b.txt", true},
            {"root", kNobody, "/", false},
        });
}

TEST(Policy, HostsCompareWithoutCaseAndWithThePortThatWasSent) {
  check(Policies({deny({{.to = {{.hosts = {"web.shop", "web.shop:*", "api.shop", "*.Internal"}}}}})}),
        {
            {"plain", kNobody, "/", false, "GET", "web.shop"},
            {"with port", kNobody, "/", false, "GET", "web.shop:80"},
            {"upper case", kNobody, "/", false, "GET", "WEB.shop:80"},
            {"half-written, plain", kNobody, "/", false, "GET", "api.shop"},
            {"half-written, with port", kNobody, "/", true, "GET", "api.shop:80"},
            {"suffix in another case", kNobody, "/", false, "GET", "A.iNTERNAL"},
        });
}

TEST(Policy, IpBlocksAreOfThePeerAndRemoteIpBlocksOfTheClientBehindIt) {
  const Policies policies(
      {allow({{.from = {{.ip_blocks = {"192.0.2.0/24", "10.0.0.1/32"}}}, .to = {{.paths = {"/ip"}}}},
              {.from = {{.not_ip_blocks = {"10.0.0.1"}}}, .to = {{.paths = {"/not"}}}},
              {.from = {{.ip_blocks = {"0.0.0.0/0"}}}, .to = {{.paths = {"/all"}}}},
              {.from = {{.remote_ip_blocks = {"203.0.113.0/24"}}}, .to = {{.paths = {"/far"}}}},
              {.from = {{.not_remote_ip_blocks = {"203.0.113.0/24"}}}, .to = {{.paths = {"/near"}}}}})});
  const struct {
    const char *name, *path, *source, *remote;
    bool allowed;
  } cases[] = {
      {"listed", "/ip", "10.0.0.1", "10.0.0.1", true},
      {"not listed", "/ip", "10.0.0.2", "10.0.0.2", false},
      {"the far client is no peer", "/ip", "10.0.0.2", "10.0.0.1", false},
      {"excepted", "/not", "10.0.0.1", "10.0.0.1", false},
      {"not excepted", "/not", "10.0.0.2", "10.0.0.2", true},
      {"all of IPv4", "/all", "198.51.100.1", "198.51.100.1", true},
      {"IPv6 is not all of IPv4", "/all", "fd00::1", "fd00::1", false},
      {"far client", "/far", "10.0.0.1", "203.0.113.9", true},
      {"near client", "/far", "10.0.0.1", "10.0.0.1", false},
      {"far client is excepted", "/near", "10.0.0.1", "203.0.113.9", false},
      {"near client is not", "/near", "10.0.0.1", "10.0.0.1", true},
  };
  for (const auto& c : cases) {
    const Request request(c.path);
    Facts facts = facts_of(kNobody, &request.head());
    facts.source_ip = ip(c.source);
    facts.remote_ip = ip(c.remote);
    EXPECT_EQ(policies.decide(facts).allowed, c.allowed) << c.name;
  }
}

TEST(Policy, HeaderConditionsIgnoreTheNamesCaseAndNotValuesHoldForAMissingHeader) {
  const auto rule = [](const char* path, test::ConditionSpec when) {
    return test::RuleSpec{.to = {{.paths = {path}}}, .when = {std::move(when)}};
  };
  const Policies policies(
      {allow({rule("/exact", {.key = "request.headers[x-token]", .values = {"admin"}}),
              rule("/prefix", {.key = "request.headers[X-TOKEN]", .values = {"adm-*"}}),
              rule("/suffix", {.key = "request.headers[x-token]", .values = {"*-min"}}),
              rule("/any", {.key = "request.headers[x-token]", .values = {"*"}}),
              rule("/not", {.key = "request.headers[x-token]", .not_values = {"guest"}}),
              rule("/both", {.key = "request.headers[x-token]", .values = {"a*"}, .not_values = {"ab*"}}),
              rule("/joined", {.key = "request.headers[x-token]", .values = {"a,b"}}),
              rule("/host", {.key = "request.headers[:authority]", .values = {"web.shop"}})})});
  check(policies,
        {
            {"exact", kNobody, "/exact", true, "GET", "web.shop", {{"X-Token", "admin"}}},
            {"exact, longer", kNobody, "/exact", false, "GET", "web.shop", {{"x-token", "admins"}}},
            {"values keep their case", kNobody, "/exact", false, "GET", "web.shop", {{"x-token", "Admin"}}},
            {"missing", kNobody, "/exact", false},
            {"prefix", kNobody, "/prefix", true, "GET", "web.shop", {{"x-token", "adm-7"}}},
            {"suffix", kNobody, "/suffix", true, "GET", "web.shop", {{"x-token", "x-min"}}},
            {"presence", kNobody, "/any", true, "GET", "web.shop", {{"x-token", "z"}}},
            {"an empty header is present", kNobody, "/any", true, "GET", "web.shop", {{"x-token", ""}}},
            {"presence, missing", kNobody, "/any", false},
            {"not this value", kNobody, "/not", false, "GET", "web.shop", {{"x-token", "guest"}}},
            {"not this value, another", kNobody, "/not", true, "GET", "web.shop", {{"x-token", "admin"}}},
            {"not this value, missing", kNobody, "/not", true},
            {"values and notValues are ANDed", kNobody, "/both", true, "GET", "web.shop", {{"x-token", "aa"}}},
            {"notValues win", kNobody, "/both", false, "GET", "web.shop", {{"x-token", "abc"}}},
            {"several fields are joined",
             kNobody,
             "/joined",
             true,
             "GET",
             "web.shop",
             {{"x-token", "a"}, {"x-token", "b"}}},
            {"pseudo-header", kNobody, "/host", true},
        });
}

TEST(Policy, WhenKnowsTheAttributesOfTheConnection) {
  const auto allows = [](test::ConditionSpec when, const Identity* source) {
    return Policies({allow({{.when = {std::move(when)}}})}).decide(facts_of(source, nullptr)).allowed;
  };
  EXPECT_TRUE(allows({.key = "source.ip", .values = {"10.0.0.0/24"}}, kNobody));
  EXPECT_FALSE(allows({.key = "source.ip", .not_values = {"10.0.0.0/24"}}, kNobody));
  EXPECT_TRUE(allows({.key = "remote.ip", .values = {"10.0.0.1"}}, kNobody));
  EXPECT_TRUE(allows({.key = "destination.ip", .values = {"10.0.0.9"}}, kNobody));
  EXPECT_FALSE(allows({.key = "destination.ip", .values = {"10.0.0.1"}}, kNobody));
  EXPECT_TRUE(allows({.key = "destination.port", .values = {"80", "8080"}}, kNobody));
  EXPECT_FALSE(allows({.key = "destination.port", .not_values = {"8080"}}, kNobody));
  EXPECT_TRUE(allows({.key = "source.namespace", .values = {"shop"}}, &kClient));
  EXPECT_FALSE(allows({.key = "source.namespace", .values = {"shop"}}, kNobody));
  EXPECT_TRUE(allows({.key = "source.principal", .values = {"*/sa/client"}}, &kClient));
  EXPECT_TRUE(allows({.key = "source.serviceAccount", .values = {"shop/client"}}, &kClient));
  EXPECT_TRUE(allows({.key = "source.trustDomain", .values = {"cluster.local"}}, &kClient));
  EXPECT_FALSE(allows({.key = "source.trustDomain", .values = {"cluster"}}, &kClient));
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
