// What VirtualService and DestinationRule are read as, and what is told of them.
#include "tests/unit/model/istio_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::model {
namespace {

using namespace std::chrono_literals;
using test::load_one;
using test::object;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(VirtualServiceKind, IsReadWithEveryPart) {
  const auto service = load_one<VirtualService>("VirtualService", R"(
  hosts: [reviews, "*.example.com"]
  gateways: [mesh, istio-system/gw]
  exportTo: ["."]
  http:
  - name: canary
    match:
    - name: a
      uri: {prefix: ""}
      method: {exact: GET}
      headers: {x-user: {exact: jason}, x-any: {}, cookie: {regex: "^.*$"}}
      withoutHeaders: {x-b: {regex: "*"}, x-c: null, x-d: {exact: e}}
      queryParams: {q: {exact: "1"}}
      ignoreUriCase: true
      port: 9080
      sourceLabels: {app: client}
      sourceNamespace: shop
      gateways: [mesh]
    - {uri: {exact: /b}, scheme: {}}
    route:
    - destination: {host: reviews, subset: v2, port: {number: 9080}}
      weight: 90
      headers: {response: {add: {x-r: "100%%"}}}
    - {destination: {host: reviews}, weight: 10}
    rewrite: {uri: /c, authority: other}
    timeout: 1.5s
    headers: {request: {set: {x-a: b}, remove: [x-c]}}
  - redirect: {uri: /d, redirectCode: 308, derivePort: FROM_REQUEST_PORT}
  - directResponse: {status: 503, body: {bytes: aGVsbG8=}})");
  EXPECT_THAT(service.hosts, ElementsAre("reviews", "*.example.com"));
  EXPECT_EQ(service.gateways.size(), 2u);
  ASSERT_EQ(service.http.size(), 3u);
  const HttpRoute& route = service.http[0];
  ASSERT_EQ(route.matches.size(), 2u);
  const HttpMatch& first = route.matches[0];
  EXPECT_EQ(first.uri->form, StringMatch::Form::kPrefix);
  EXPECT_EQ(first.method->text, "GET");
  EXPECT_EQ(first.headers.at("x-any").form, StringMatch::Form::kPresent);
  EXPECT_EQ(first.headers.at("cookie").form, StringMatch::Form::kRegex);
  EXPECT_EQ(first.without_headers.at("x-b").form, StringMatch::Form::kPresent);
  EXPECT_EQ(first.without_headers.at("x-c").form, StringMatch::Form::kPresent);
  EXPECT_EQ(first.without_headers.at("x-d").text, "e");
  EXPECT_EQ(first.query_params.at("q").text, "1");
  EXPECT_EQ(first.port, 9080);
  EXPECT_TRUE(first.ignore_uri_case);
  EXPECT_FALSE(route.matches[1].scheme);
  ASSERT_EQ(route.destinations.size(), 2u);
  EXPECT_EQ(route.destinations[0].weight, 90u);
  EXPECT_EQ(route.destinations[0].destination.port, 9080);
  EXPECT_EQ(route.destinations[0].headers.response.add[0].second, "100%%");
  EXPECT_EQ(route.rewrite_authority, "other");
  EXPECT_EQ(route.timeout, 1500ms);
  EXPECT_THAT(route.headers.request.remove, ElementsAre("x-c"));
  EXPECT_EQ(service.http[1].redirect->code, 308);
  EXPECT_TRUE(service.http[1].redirect->derive_request_port);
  EXPECT_EQ(service.http[2].direct_response->body, "hello");
}

TEST(VirtualServiceKind, ServesEveryVersion) {
  for (const char* version : {"v1", "v1beta1", "v1alpha3"}) {
    const std::string text = object("VirtualService", "{hosts: [a], http: [{route: [{destination: {host: a}}]}]}");
    std::string other = text;
    other.replace(other.find("/v1") + 1, 2, version);
    EXPECT_EQ(load_documents(other, "f").objects.size(), 1u) << version;
  }
}

TEST(VirtualServiceKind, FieldsThatAreNotBuiltAreCheckedLoadedAndTold) {
  const Loaded loaded = load_documents(object("VirtualService", R"(
  hosts: [a]
  http:
  - route: [{destination: {host: a}}]
    retries: {attempts: 3, perTryTimeout: 2s, retryOn: "connect-failure,503"}
    fault: {delay: {fixedDelay: 5s, percentage: {value: 10}}, abort: {httpStatus: 500}}
    mirror: {host: b}
    mirrorPercentage: {value: 50}
    corsPolicy: {allowOrigins: [{exact: "*"}], allowMethods: [GET], maxAge: 24h}
  - route: [{destination: {host: a}}]
    retries: {attempts: 1}
  tcp: [{match: [{port: 9000}], route: [{destination: {host: a}}]}])"),
                                       "f");
  ASSERT_EQ(loaded.objects.size(), 1u);
  EXPECT_TRUE(std::get<VirtualService>(loaded.objects[0].second).has_tcp_routes);
  std::vector<std::string> fields;
  for (const Message& message : loaded.messages) {
    EXPECT_EQ(message.code, "FL0006");
    EXPECT_EQ(message.severity, Severity::kInfo);
    EXPECT_THAT(message.text, HasSubstr("not in force yet"));
    fields.push_back(message.field);
  }
  EXPECT_THAT(fields, testing::UnorderedElementsAre("spec.http[0].retries", "spec.http[0].fault", "spec.http[0].mirror",
                                                    "spec.http[0].corsPolicy", "spec.tcp"));
}

TEST(VirtualServiceKind, WithoutHostsIsADelegate) {
  const auto service = load_one<VirtualService>("VirtualService", "{http: [{route: [{destination: {host: a}}]}]}");
  EXPECT_THAT(service.hosts, IsEmpty());
  const auto root =
      load_one<VirtualService>("VirtualService", "{hosts: [a], http: [{delegate: {name: b, namespace: c}}]}");
  EXPECT_EQ(root.http[0].delegate->ns, "c");
}

TEST(DestinationRuleKind, IsReadWithSubsets) {
  const auto rule = load_one<DestinationRule>("DestinationRule", R"(
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
  exportTo: ["*"]
  trafficPolicy: {connectionPool: {tcp: {connectTimeout: 30ms}}})");
  EXPECT_EQ(rule.host, "reviews");
  EXPECT_EQ(rule.connect_timeout, 30ms);
  ASSERT_EQ(rule.subsets.size(), 2u);
  EXPECT_EQ(rule.subsets[1].labels.at("version"), "v2");
}

TEST(DestinationRuleKind, SaysHowToBalance) {
  const auto mode = [](const std::string& text) {
    const auto rule = load_one<DestinationRule>(
        "DestinationRule", "{host: a, trafficPolicy: {loadBalancer: " + text + ", tls: {mode: DISABLE}}}");
    return rule.load_balancer;
  };
  using enum LoadBalancer;
  for (const auto& [word, expected] :
       {std::pair("ROUND_ROBIN", kRoundRobin), std::pair("LEAST_REQUEST", kLeastRequest),
        std::pair("LEAST_CONN", kLeastRequest), std::pair("RANDOM", kRandom), std::pair("PASSTHROUGH", kPassthrough),
        std::pair("UNSPECIFIED", kUnspecified)}) {
    EXPECT_EQ(mode(std::string("{simple: ") + word + "}"), expected) << word;
  }
  EXPECT_EQ(mode("{consistentHash: {useSourceIp: true}}"), kSourceIp);
  EXPECT_EQ(mode("{consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}"), kSourceIp);
  EXPECT_EQ(mode("null"), std::nullopt);
  const auto rule = load_one<DestinationRule>("DestinationRule", R"(
  host: a
  subsets: [{name: v1, trafficPolicy: {loadBalancer: {simple: RANDOM}}}, {name: v2}]
  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}})");
  EXPECT_EQ(rule.subsets[0].load_balancer, kRandom);
  EXPECT_EQ(rule.subsets[1].load_balancer, std::nullopt);
}

TEST(DestinationRuleKind, TellsWhichPartsOfBalancingAreNotInForce) {
  const auto told = [](const std::string& balancer) {
    std::vector<std::string> fields;
    const std::string policy = "{loadBalancer: " + balancer + "}";
    for (const Message& message :
         load_documents(object("DestinationRule", "{host: a, trafficPolicy: " + policy +
                                                      ", subsets: [{name: v1, trafficPolicy: " + policy + "}]}"),
                        "f")
             .messages) {
      fields.push_back(message.field);
    }
    return fields;
  };
  EXPECT_THAT(told("{simple: ROUND_ROBIN}"), IsEmpty());
  EXPECT_THAT(told("{consistentHash: {useSourceIp: true}}"), IsEmpty());
  EXPECT_THAT(
      told("{consistentHash: {httpHeaderName: x}}"),
      testing::UnorderedElementsAre("spec.trafficPolicy.loadBalancer.consistentHash.httpHeaderName",
                                    "spec.subsets[0].trafficPolicy.loadBalancer.consistentHash.httpHeaderName"));
}

TEST(DestinationRuleKind, WarnsOfWhatIstioIgnores) {
  const Loaded loaded = load_documents(
      object("DestinationRule", "{host: a, trafficPolicy: {outlierDetection: {consecutiveErrors: 5}}}"), "f");
  ASSERT_EQ(loaded.objects.size(), 1u);
  EXPECT_EQ(loaded.messages[0].code, "IST0133");
  EXPECT_EQ(loaded.messages[0].field, "spec.trafficPolicy.outlierDetection.consecutiveErrors");
}

TEST(DestinationRuleKind, TheOldCircuitBreakerIsIgnoredWithAWarningAndTheRestCounts) {
  const Loaded loaded = load_documents(
      object("DestinationRule", "{host: a, trafficPolicy: {tls: {mode: DISABLE}, circuitBreaker: {simpleCb: {}}}}"),
      "f");
  EXPECT_EQ(loaded.objects.size(), 1u);
  EXPECT_EQ(loaded.messages[0].code, "FL0009");
  EXPECT_EQ(loaded.messages[0].field, "spec.trafficPolicy.circuitBreaker");
}

}  // namespace
}  // namespace fairlead::model
