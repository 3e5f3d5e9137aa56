// What AuthorizationPolicy and PeerAuthentication are read as, and what is told of them.
#include "tests/unit/model/istio_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::model {
namespace {

using test::load_one;
using test::object;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(AuthorizationPolicyKind, IsReadWithEveryPart) {
  const auto policy = load_one<AuthorizationPolicy>("AuthorizationPolicy", R"(
  selector: {matchLabels: {app: reviews}}
  action: DENY
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/client], notNamespaces: [x], ipBlocks: [10.0.0.0/8]}}]
    to: [{operation: {methods: [GET], paths: ["/a/{*}/b", "/x*"], ports: ["9080"]}}]
    when: [{key: "request.headers[x-a]", values: [b], notValues: [c]}]
  - {})");
  EXPECT_EQ(policy.action, AuthorizationPolicy::Action::kDeny);
  EXPECT_EQ(policy.selector->at("app"), "reviews");
  ASSERT_EQ(policy.rules.size(), 2u);
  EXPECT_EQ(policy.rules[0].from[0].not_namespaces[0], "x");
  EXPECT_EQ(policy.rules[0].to[0].paths.size(), 2u);
  EXPECT_EQ(policy.rules[0].when[0].not_values[0], "c");
  EXPECT_EQ(policy.rules[1], AuthorizationRule{});
}

TEST(AuthorizationPolicyKind, WithoutRulesOrSpecAllowsNothing) {
  EXPECT_THAT(load_one<AuthorizationPolicy>("AuthorizationPolicy", "{}").rules, IsEmpty());
  EXPECT_THAT(load_one<AuthorizationPolicy>("AuthorizationPolicy", "").rules, IsEmpty());
}

TEST(AuthorizationPolicyKind, WarnsOfProtectionThatIsNotInForce) {
  const Loaded loaded =
      load_documents(object("AuthorizationPolicy", R"(
  rules:
  - from: [{source: {requestPrincipals: ["*"]}}]
    when: [{key: "request.auth.claims[iss]", values: [x]}])") +
                         "---\n" + object("AuthorizationPolicy", "{action: CUSTOM, provider: {name: x}, rules: [{}]}"),
                     "f");
  EXPECT_THAT(loaded.objects, testing::SizeIs(1));  // the second has the same key
  std::vector<std::string> fields;
  for (const Message& message : loaded.messages) {
    if (message.code == "FL0007") {
      EXPECT_EQ(message.severity, Severity::kWarning);
      fields.push_back(message.field);
    }
  }
  EXPECT_THAT(fields, ElementsAre("spec.rules[0].from[0].source.requestPrincipals", "spec.rules[0].when[0].key",
                                  "spec.action"));
}

TEST(AuthorizationPolicyKind, WarnsThatADenyRuleWithHttpFieldsAloneDeniesTcp) {
  const Loaded loaded = load_documents(
      object("AuthorizationPolicy", "{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}"), "f");
  ASSERT_EQ(loaded.messages.size(), 1u);
  EXPECT_EQ(loaded.messages[0].code, "IST0133");
  EXPECT_THAT(load_documents(object("AuthorizationPolicy",
                                    "{action: DENY, rules: [{to: [{operation: {methods: [GET], ports: [\"80\"]}}]}]}"),
                             "f")
                  .messages,
              IsEmpty());
}

TEST(AuthorizationPolicyKind, TakesDryRunAsAnAnnotation) {
  const auto load = [](const std::string& kind, const std::string& value, const std::string& spec) {
    std::string text = object(kind, spec);
    const std::string name = "name: a,";
    return load_documents(
        text.replace(text.find(name), name.size(), "name: a, annotations: {istio.io/dry-run: \"" + value + "\"},"),
        "f");
  };
  EXPECT_TRUE(std::get<AuthorizationPolicy>(load("AuthorizationPolicy", "true", "{}").objects.at(0).second).dry_run);
  EXPECT_FALSE(std::get<AuthorizationPolicy>(load("AuthorizationPolicy", "false", "{}").objects.at(0).second).dry_run);
  EXPECT_THAT(load("AuthorizationPolicy", "maybe", "{}").objects, IsEmpty());
  EXPECT_THAT(load("AuthorizationPolicy", "true", "{action: AUDIT}").objects, IsEmpty());
  EXPECT_THAT(load("PeerAuthentication", "true", "{}").objects, IsEmpty());
}

TEST(PeerAuthenticationKind, IsReadWithPorts) {
  const auto policy = load_one<PeerAuthentication>(
      "PeerAuthentication",
      "{selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}, portLevelMtls: {80: {mode: DISABLE}, \"81\": {}}}");
  EXPECT_EQ(policy.mode, PeerAuthentication::Mode::kStrict);
  EXPECT_EQ(policy.port_modes.at(80), PeerAuthentication::Mode::kDisable);
  EXPECT_EQ(policy.port_modes.at(81), PeerAuthentication::Mode::kUnset);
}

TEST(PeerAuthenticationKind, WarnsOfASelectorWithoutLabels) {
  const Loaded loaded = load_documents(object("PeerAuthentication", "{selector: {}, mtls: {mode: STRICT}}"), "f");
  EXPECT_EQ(loaded.objects.size(), 1u);
  ASSERT_EQ(loaded.messages.size(), 1u);
  EXPECT_EQ(loaded.messages[0].code, "IST0133");
}

}  // namespace
}  // namespace fairlead::model
