// Which requests each field of an AuthorizationPolicy means, after Istio's reference: one table per field.
#include "tests/unit/policy/callers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::policy {
namespace {

using test::allow;
using test::check;
using test::deny;
using test::facts_of;
using test::identity;
using test::ip;
using test::kBatch;
using test::kClient;
using test::kElsewhere;
using test::kNobody;
using test::kSimilarNamespace;
using test::Policies;
using test::Request;

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

}  // namespace
}  // namespace fairlead::policy
