#include "agent/model/load.h"

#include "agent/model/analyze.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fairlead::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kGood = R"(
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: good, namespace: shop}
spec:
  hosts: [good]
  http:
  - route: [{destination: {host: good}}]
)";

std::vector<std::string> keys(const Loaded& loaded) {
  std::vector<std::string> found;
  for (const auto& [key, object] : loaded.objects) {
    found.push_back(key.text());
  }
  return found;
}

TEST(Load, ARefusedObjectIsNamedWithFileLineAndFieldAndTheOthersLoad) {
  const std::string text = std::string(R"(apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
  http:
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 110}
    - destination: {host: reviews, subset: v2}
      weight: -10
---)") + kGood;
  const Loaded loaded = load_documents(text, "bad.yaml");
  EXPECT_THAT(keys(loaded), ElementsAre("VirtualService/shop/good"));
  EXPECT_THAT(loaded.refused, ElementsAre(ObjectKey{"VirtualService", "shop", "reviews"}));
  EXPECT_FALSE(loaded.incomplete);
  ASSERT_EQ(loaded.messages.size(), 1u);
  const Message& message = loaded.messages[0];
  EXPECT_EQ(message.code, "IST0106");
  EXPECT_EQ(message.severity, Severity::kError);
  EXPECT_EQ(message.object, "VirtualService/shop/reviews");
  EXPECT_EQ(message.field, "spec.http[0].route[1].weight");
  EXPECT_THAT(message.line(),
              HasSubstr("bad.yaml:10: VirtualService/shop/reviews: spec.http[0].route[1].weight: is -10"));
}

TEST(Load, SeveralMistakesInOneObjectAreOneMessage) {
  const Loaded loaded = load_documents(R"(
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec: {host: a, subsets: [{name: ""}, {name: b_}], exportTo: 5}
)",
                                       "f");
  ASSERT_EQ(loaded.messages.size(), 1u);
  EXPECT_THAT(loaded.messages[0].text, HasSubstr("also wrong: spec.subsets[1].name (line 5)"));
}

TEST(Load, ASyntaxErrorIsOneMessageAndMarksTheTextIncomplete) {
  const Loaded loaded = load_documents(std::string("a: [1,\n---") + kGood, "f");
  EXPECT_TRUE(loaded.incomplete);
  EXPECT_THAT(keys(loaded), ElementsAre("VirtualService/shop/good"));
  ASSERT_EQ(loaded.messages.size(), 1u);
  EXPECT_EQ(loaded.messages[0].code, "FL0001");
  EXPECT_GT(loaded.messages[0].origin.line, 0);
}

TEST(Load, DocumentsThatAreNoObjectsAreErrors) {
  for (const char* text : {"just text\n", "[1, 2]\n", "kind: Pod\n", "apiVersion: v1\n", "5\n"}) {
    const Loaded loaded = load_documents(text, "f");
    EXPECT_TRUE(loaded.incomplete) << text;
    ASSERT_EQ(loaded.messages.size(), 1u) << text;
    EXPECT_EQ(loaded.messages[0].severity, Severity::kError);
  }
  EXPECT_THAT(load_documents("", "f").messages, IsEmpty());
}

TEST(Load, ListsStandForTheirItems) {
  const Loaded loaded = load_documents(R"(
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "Bad_Name", "namespace": "shop"}},
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "client"}}]}
)",
                                       "f.json");
  EXPECT_THAT(keys(loaded), ElementsAre("Namespace/shop", "ServiceAccount/default/client"));
  ASSERT_EQ(loaded.messages.size(), 1u);
  EXPECT_EQ(loaded.messages[0].field, "metadata.name");
  EXPECT_EQ(loaded.messages[0].origin.line, 4);
}

TEST(Load, UnknownKindsAreInformationAndUnbuiltProtectionIsAWarning) {
  const Loaded loaded = load_documents(R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: shop}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: a, namespace: shop}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: a, namespace: shop}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: a, namespace: shop}
)",
                                       "f");
  EXPECT_THAT(loaded.objects, IsEmpty());
  ASSERT_EQ(loaded.messages.size(), 4u);
  EXPECT_EQ(loaded.messages[0].severity, Severity::kInfo);
  EXPECT_EQ(loaded.messages[0].object, "Deployment/shop/a");
  EXPECT_EQ(loaded.messages[1].severity, Severity::kInfo);
  EXPECT_EQ(loaded.messages[2].severity, Severity::kWarning);
  EXPECT_EQ(loaded.messages[3].severity, Severity::kWarning);
}

TEST(Load, TheFirstOfTwoEqualKeysCounts) {
  const Loaded loaded = load_documents(std::string(kGood) + "---" + kGood, "f");
  EXPECT_EQ(loaded.objects.size(), 1u);
  ASSERT_EQ(loaded.messages.size(), 1u);
  EXPECT_EQ(loaded.messages[0].code, "FL0003");
  EXPECT_EQ(loaded.messages[0].origin.line, 10);
  EXPECT_THAT(loaded.messages[0].text, HasSubstr("f:2"));
}

TEST(Load, UnknownFieldsAreErrorsInIstiosKindsOnly) {
  const Loaded loaded = load_documents(R"(
apiVersion: v1
kind: Service
metadata: {name: a, lables: {}}
spec: {ports: [{port: 80, nodePrt: 1}], whatever: {x: 1}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec: {host: a, trafficPolicy: {outlierDetection: {sleepWindow: 60s}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: b}
spec: {host: a, subset: [{name: v1}]}
)",
                                       "f");
  EXPECT_THAT(keys(loaded), ElementsAre("Service/default/a"));
  ASSERT_EQ(loaded.messages.size(), 2u);
  EXPECT_EQ(loaded.messages[0].field, "spec.trafficPolicy.outlierDetection.sleepWindow");
  EXPECT_THAT(loaded.messages[0].text, HasSubstr("outlierDetection.baseEjectionTime"));
  EXPECT_EQ(loaded.messages[1].field, "spec.subset");
  EXPECT_THAT(loaded.messages[1].text, HasSubstr("did you mean subsets?"));
}

TEST(Load, AVersionThatIsNotServedIsRefused) {
  const Loaded loaded = load_documents(
      "apiVersion: networking.istio.io/v9\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: a}\n", "f");
  ASSERT_EQ(loaded.messages.size(), 1u);
  EXPECT_EQ(loaded.messages[0].field, "apiVersion");
  EXPECT_THAT(loaded.messages[0].text, HasSubstr("networking.istio.io/v1"));
}

TEST(Load, ManyMistakesStayOneShortMessage) {
  std::string text =
      "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec:\n  host: a\n";
  for (int i = 0; i < 20'000; ++i) {
    text += "  unknown" + std::to_string(i) + ": 1\n";
  }
  const Loaded loaded = load_documents(text, "f");
  ASSERT_EQ(loaded.messages.size(), 1u);
  EXPECT_LT(loaded.messages[0].text.size(), 400u);
}

TEST(Json, HasTheFieldsThatOtherToolsRead) {
  const Message message{"IST0106", Severity::kError, "VirtualService/a/b", {"f.yaml", 7}, "spec.http", "is wrong"};
  const nlohmann::json json = to_json(message);
  EXPECT_EQ(json.at("code"), "IST0106");
  EXPECT_EQ(json.at("severity"), "error");
  EXPECT_EQ(json.at("object"), "VirtualService/a/b");
  EXPECT_EQ(json.at("file"), "f.yaml");
  EXPECT_EQ(json.at("line"), 7);
  EXPECT_EQ(json.at("message"), "spec.http: is wrong");
}

TEST(Analyze, APathThatIsNotThereIsAnError) {
  const auto messages = analyze({"/nonexistent/fairlead.yaml"});
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].code, "FL0008");
  EXPECT_EQ(messages[0].origin.line, 0);
}

}  // namespace
}  // namespace fairlead::model
