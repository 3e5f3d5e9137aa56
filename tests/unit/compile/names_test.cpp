#include "agent/compile/names.h"

#include "agent/compile/identities.h"
#include "agent/compile/workload_names.h"
#include "tests/unit/compile/builders.h"

#include <gtest/gtest.h>

namespace fairlead::compile {
namespace {

TEST(NamesTest, ShortHostsBelongToTheObjectsNamespace) {
  EXPECT_EQ(expand_host("Reviews", "shop", "cluster.local"), "reviews.shop.svc.cluster.local");
  EXPECT_EQ(expand_host("reviews.prod", "shop", "cluster.local"), "reviews.prod");
  EXPECT_EQ(expand_host("Www.Example.com", "shop", "cluster.local"), "www.example.com");
  EXPECT_EQ(expand_host("*", "shop", "cluster.local"), "*");
}

TEST(NamesTest, AWildcardStandsForAtLeastOneCharacterAndTheLongerIsMoreSpecific) {
  EXPECT_TRUE(covers("*.shop.svc", "a.shop.svc"));
  EXPECT_FALSE(covers("*.shop.svc", ".shop.svc"));
  EXPECT_FALSE(covers("*.shop.svc", "a.ashop.svc"));
  EXPECT_TRUE(covers("a.b", "a.b"));
  EXPECT_FALSE(covers("a.b", "x.a.b"));
  EXPECT_GT(specificity("a.b"), specificity("*.very.long.name.of.a.domain"));
  EXPECT_GT(specificity("*.shop.svc"), specificity("*.svc"));
}

TEST(NamesTest, ExportToSaysWhoSees) {
  EXPECT_EQ(visibility({}, "shop", "prod"), Visibility::kPublic);
  EXPECT_EQ(visibility({"*"}, "shop", ""), Visibility::kPublic);
  EXPECT_EQ(visibility({"."}, "shop", "shop"), Visibility::kPrivate);
  EXPECT_EQ(visibility({"."}, "shop", "prod"), Visibility::kNone);
  EXPECT_EQ(visibility({"prod"}, "shop", "prod"), Visibility::kNamed);
  EXPECT_EQ(visibility({"prod"}, "shop", "shop"), Visibility::kNone);
  EXPECT_EQ(visibility({"~"}, "shop", "shop"), Visibility::kNone);
  EXPECT_EQ(named_namespaces({".", "prod", "*", "~"}, "shop"), (std::vector<std::string>{"shop", "prod"}));
}

TEST(IdentitiesTest, NumbersAreStableAndCollisionsAreResolvedInOrder) {
  const auto numbers = number_identities({"spiffe://a", "spiffe://b"});
  EXPECT_EQ(numbers.at("spiffe://a"), number_identities({"spiffe://a"}).at("spiffe://a"));
  EXPECT_NE(numbers.at("spiffe://a"), numbers.at("spiffe://b"));

  const auto colliding = number_identities({"a", "b", "c"}, [](const std::string&) { return uint32_t{0xffffffff}; });
  EXPECT_EQ(colliding.at("a"), 0xffffffff);
  EXPECT_EQ(colliding.at("b"), 1U) << "0 is nobody's";
  EXPECT_EQ(colliding.at("c"), 2U);
}

TEST(WorkloadNamesTest, ComeFromTheOwner) {
  struct Case {
    model::Labels labels;
    std::string owner_kind, owner, expected;
  };
  const Case cases[] = {
      {{}, "", "", "web-1"},
      {{{"pod-template-hash", "5d9c7b8f6b"}}, "ReplicaSet", "web-5d9c7b8f6b", "web"},
      {{}, "ReplicaSet", "web-5d9c7b8f6b", "web-5d9c7b8f6b"},
      {{{"rollouts-pod-template-hash", "abc"}}, "ReplicaSet", "web-abc", "web"},
      {{}, "StatefulSet", "db", "db"},
      {{}, "Job", "backup-28391040", "backup"},
      {{}, "Job", "backup-1", "backup-1"},
      {{{"service.istio.io/workload-name", "named"}}, "StatefulSet", "db", "named"},
  };
  for (const Case& c : cases) {
    model::Pod web = pod("shop", "web-1", "10.0.0.1", c.labels);
    if (!c.owner.empty()) {
      web.owners.push_back({c.owner_kind, c.owner});
    }
    EXPECT_EQ(workload_name(web), c.expected);
  }
}

TEST(WorkloadNamesTest, CanonicalNamesTakeTheMostSpecificLabel) {
  EXPECT_EQ(canonical_service(pod("shop", "web", "", {})), "web");
  EXPECT_EQ(canonical_service(pod("shop", "web", "", {{"app", "a"}})), "a");
  EXPECT_EQ(canonical_service(pod("shop", "web", "", {{"app", "a"}, {"app.kubernetes.io/name", "b"}})), "b");
  EXPECT_EQ(canonical_service(pod("shop", "web", "", {{"app", "a"}, {"service.istio.io/canonical-name", "c"}})), "c");
  EXPECT_EQ(canonical_revision(pod("shop", "web", "", {})), "latest");
  EXPECT_EQ(canonical_revision(pod("shop", "web", "", {{"version", "v1"}})), "v1");
}

}  // namespace
}  // namespace fairlead::compile
