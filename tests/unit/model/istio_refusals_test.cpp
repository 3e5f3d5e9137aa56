// What is refused of the Istio kinds, and the field that the refusal names.
#include "tests/unit/model/istio_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::model {
namespace {

using namespace std::chrono_literals;
using test::object;
using testing::IsEmpty;

struct Refusal {
  const char* kind;
  std::string spec;
  const char* field;
};

class Refusals : public testing::TestWithParam<Refusal> {};

TEST_P(Refusals, NameTheField) {
  const Loaded loaded = load_documents(object(GetParam().kind, GetParam().spec), "f");
  EXPECT_THAT(loaded.objects, IsEmpty()) << GetParam().spec;
  ASSERT_FALSE(loaded.messages.empty()) << GetParam().spec;
  const Message& message = loaded.messages.back();
  EXPECT_EQ(message.code, "IST0106") << message.line();
  EXPECT_EQ(message.field, GetParam().field) << message.line();
}

std::string route(const std::string& rest) {
  return "{hosts: [a], http: [{route: [{destination: {host: a}}], " + rest + "}]}";
}
std::string match(const std::string& rest) { return route("match: [" + rest + "]"); }

INSTANTIATE_TEST_SUITE_P(
    VirtualService, Refusals,
    testing::Values(
        Refusal{"VirtualService", "{hosts: [a]}", "spec"},
        Refusal{"VirtualService", "{hosts: [\"*\"], http: [{route: [{destination: {host: a}}]}]}", "spec.hosts[0]"},
        Refusal{"VirtualService", "{hosts: [a, \"*.b\", c.b], http: [{route: [{destination: {host: a}}]}]}",
                "spec.hosts[2]"},
        Refusal{"VirtualService", "{hosts: [a_b], http: [{route: [{destination: {host: a}}]}]}", "spec.hosts[0]"},
        Refusal{"VirtualService", "{hosts: [a], http: [{}]}", "spec.http[0]"},
        Refusal{"VirtualService", "{hosts: [a], http: {}}", "spec.http"},
        Refusal{"VirtualService", "{hosts: [a], http: [{route: [{}]}]}", "spec.http[0].route[0].destination"},
        Refusal{"VirtualService", "{hosts: [a], http: [{route: [{destination: {host: \"*\"}}]}]}",
                "spec.http[0].route[0].destination.host"},
        Refusal{"VirtualService", "{hosts: [a], http: [{route: [{destination: {host: a, port: {number: 70000}}}]}]}",
                "spec.http[0].route[0].destination.port.number"},
        Refusal{"VirtualService", "{hosts: [a], http: [{route: [{destination: {host: a, port: 80}}]}]}",
                "spec.http[0].route[0].destination.port"},
        Refusal{"VirtualService", "{hosts: [a], http: [{route: [{destination: {host: a}, weight: -1}]}]}",
                "spec.http[0].route[0].weight"},
        Refusal{"VirtualService", "{hosts: [a], http: [{route: [{destination: {host: a}, weight: \"1\"}]}]}",
                "spec.http[0].route[0].weight"},
        Refusal{"VirtualService", "{hosts: [a], http: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]}",
                "spec.http[0].route"},
        Refusal{"VirtualService", match("{uri: {regex: \"(\"}}"), "spec.http[0].match[0].uri.regex"},
        Refusal{"VirtualService", match("{uri: {exact: /a, prefix: /b}}"), "spec.http[0].match[0].uri"},
        Refusal{"VirtualService", match("{uri: /a}"), "spec.http[0].match[0].uri"},
        Refusal{"VirtualService", match("{uri: {exact: 5}}"), "spec.http[0].match[0].uri.exact"},
        Refusal{"VirtualService", match("{headers: {x-a: {prefix: \"\"}}}"),
                "spec.http[0].match[0].headers.x-a.prefix"},
        Refusal{"VirtualService", match("{headers: {x-a: {regex: \"*\"}}}"), "spec.http[0].match[0].headers.x-a.regex"},
        Refusal{"VirtualService", match("{headers: {x-a: null}}"), "spec.http[0].match[0].headers.x-a"},
        Refusal{"VirtualService", match("{headers: {\"x a\": {exact: b}}}"), "spec.http[0].match[0].headers[x a]"},
        Refusal{"VirtualService", match("{headers: {\"@request.auth.claims.sub\": {exact: b}}}"), "spec"},
        Refusal{"VirtualService", match("{port: 70000}"), "spec.http[0].match[0].port"},
        Refusal{"VirtualService", match("{sourceNamespace: a_b}"), "spec.http[0].match[0].sourceNamespace"},
        Refusal{"VirtualService", match("{ignoreUriCase: 1}"), "spec.http[0].match[0].ignoreUriCase"},
        Refusal{"VirtualService", match("null"), "spec.http[0].match[0]"},
        Refusal{"VirtualService", route("timeout: 0s"), "spec.http[0].timeout"},
        Refusal{"VirtualService", route("timeout: 5"), "spec.http[0].timeout"},
        Refusal{"VirtualService", route("timeout: 1.5ms"), "spec.http[0].timeout"},
        Refusal{"VirtualService", route("redirect: {uri: /}"), "spec.http[0]"},
        Refusal{"VirtualService", route("directResponse: {status: 200}"), "spec.http[0]"},
        Refusal{"VirtualService", "{hosts: [a], http: [{redirect: {}}]}", "spec.http[0].redirect"},
        Refusal{"VirtualService", "{hosts: [a], http: [{redirect: {uri: /, redirectCode: 200}}]}",
                "spec.http[0].redirect.redirectCode"},
        Refusal{"VirtualService", "{hosts: [a], http: [{redirect: {uri: /}, rewrite: {uri: /}}]}", "spec.http[0]"},
        Refusal{"VirtualService", "{hosts: [a], http: [{directResponse: {status: 700}}]}",
                "spec.http[0].directResponse.status"},
        Refusal{"VirtualService", "{hosts: [a], http: [{directResponse: {}}]}", "spec.http[0].directResponse.status"},
        Refusal{"VirtualService", route("rewrite: {}"), "spec.http[0].rewrite"},
        Refusal{"VirtualService", route("rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}"),
                "spec.http[0].rewrite"},
        Refusal{"VirtualService", route("rewrite: {authority: a}, headers: {request: {set: {host: b}}}"),
                "spec.http[0]"},
        Refusal{"VirtualService", route("headers: {response: {set: {host: b}}}"),
                "spec.http[0].headers.response.set.host"},
        Refusal{"VirtualService", route("headers: {request: {set: {x-a: \"5%\"}}}"),
                "spec.http[0].headers.request.set.x-a"},
        Refusal{"VirtualService", route("headers: {request: {remove: [\":path\"]}}"),
                "spec.http[0].headers.request.remove[0]"},
        Refusal{"VirtualService", route("retries: {attempts: -1}"), "spec.http[0].retries.attempts"},
        Refusal{"VirtualService", route("retries: {attempts: 0, perTryTimeout: 1s}"), "spec.http[0].retries"},
        Refusal{"VirtualService", route("retries: {attempts: 2, retryOn: \"5xx, reset\"}"),
                "spec.http[0].retries.retryOn"},
        Refusal{"VirtualService", route("retries: {attempts: 2, retryOn: \"999\"}"), "spec.http[0].retries.retryOn"},
        Refusal{"VirtualService", route("fault: {}"), "spec.http[0].fault"},
        Refusal{"VirtualService", route("fault: {abort: {httpStatus: 100}}"), "spec.http[0].fault.abort.httpStatus"},
        Refusal{"VirtualService", route("fault: {abort: {grpcStatus: NOPE}}"), "spec.http[0].fault.abort.grpcStatus"},
        Refusal{"VirtualService", route("fault: {delay: {fixedDelay: 1s, percentage: {value: 0.00001}}}"),
                "spec.http[0].fault.delay.percentage.value"},
        Refusal{"VirtualService", route("fault: {delay: {exponentialDelay: 1s}}"),
                "spec.http[0].fault.delay.exponentialDelay"},
        Refusal{"VirtualService", route("mirror: {host: a}, mirrors: [{destination: {host: a}}]"), "spec.http[0]"},
        Refusal{"VirtualService", route("mirrorPercentage: {value: 101}"), "spec.http[0].mirrorPercentage.value"},
        Refusal{"VirtualService", route("corsPolicy: {allowMethods: [FOO]}"),
                "spec.http[0].corsPolicy.allowMethods[0]"},
        Refusal{"VirtualService", route("corsPolicy: {maxAge: 1.5s}"), "spec.http[0].corsPolicy.maxAge"},
        Refusal{"VirtualService", route("websocketUpgrade: true"), "spec.http[0].websocketUpgrade"},
        Refusal{"VirtualService", route("name: a, name: b"), "spec.http[0].name"},
        Refusal{"VirtualService", "{hosts: [a], gateways: [a_b], http: [{route: [{destination: {host: a}}]}]}",
                "spec.gateways[0]"},
        Refusal{"VirtualService", "{hosts: [a], exportTo: [\"*\", b], http: [{route: [{destination: {host: a}}]}]}",
                "spec.exportTo"},
        Refusal{"VirtualService", "{hosts: [a], exportTo: [\".\", shop], http: [{route: [{destination: {host: a}}]}]}",
                "spec.exportTo[1]"},
        Refusal{"VirtualService", "{gateways: [g], http: [{route: [{destination: {host: a}}]}]}", "spec"},
        Refusal{"VirtualService", "{hosts: [a], tls: [{match: [{sniHosts: [b]}], route: [{destination: {host: a}}]}]}",
                "spec.tls[0].match[0].sniHosts[0]"},
        Refusal{"VirtualService", "{hosts: [a], tcp: [{}]}", "spec.tcp[0]"},
        Refusal{
            "VirtualService",
            "{hosts: [a], tcp: [{match: [{destinationSubnets: [10.0.0.0/40]}], route: [{destination: {host: a}}]}]}",
            "spec.tcp[0].match[0].destinationSubnets[0]"}));

std::string policy(const std::string& rest) { return "{host: a, trafficPolicy: {" + rest + "}}"; }

INSTANTIATE_TEST_SUITE_P(
    DestinationRule, Refusals,
    testing::Values(
        Refusal{"DestinationRule", "{}", "spec.host"}, Refusal{"DestinationRule", "{host: \"\"}", "spec.host"},
        Refusal{"DestinationRule", "{host: 5}", "spec.host"},
        Refusal{"DestinationRule", policy(""), "spec.trafficPolicy"},
        Refusal{"DestinationRule", "{host: a, subsets: [{name: v1}, {name: v1}]}", "spec.subsets[1].name"},
        Refusal{"DestinationRule", "{host: a, subsets: [{name: v.1}]}", "spec.subsets[0].name"},
        Refusal{"DestinationRule", "{host: a, subsets: [{name: v1, labels: {\"a b\": c}}]}",
                "spec.subsets[0].labels[a b]"},
        Refusal{"DestinationRule", "{host: a, subsets: [{name: v1, trafficPolicy: {}}]}",
                "spec.subsets[0].trafficPolicy"},
        Refusal{"DestinationRule", policy("circuitBreaker: {}"), "spec.trafficPolicy"},
        Refusal{"DestinationRule", policy("connectionPool: {}"), "spec.trafficPolicy.connectionPool"},
        Refusal{"DestinationRule", policy("connectionPool: {tcp: {maxConnections: -1}}"),
                "spec.trafficPolicy.connectionPool.tcp.maxConnections"},
        Refusal{"DestinationRule", policy("connectionPool: {tcp: {connectTimeout: 0s}}"),
                "spec.trafficPolicy.connectionPool.tcp.connectTimeout"},
        Refusal{"DestinationRule",
                policy("connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}"),
                "spec.trafficPolicy.connectionPool.http"},
        Refusal{"DestinationRule", policy("outlierDetection: {maxEjectionPercent: 101}"),
                "spec.trafficPolicy.outlierDetection.maxEjectionPercent"},
        Refusal{"DestinationRule", policy("outlierDetection: {consecutiveLocalOriginFailures: 1}"),
                "spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures"},
        Refusal{"DestinationRule", policy("loadBalancer: {simple: FASTEST}"), "spec.trafficPolicy.loadBalancer.simple"},
        Refusal{"DestinationRule", policy("loadBalancer: {consistentHash: {httpCookie: {ttl: 1s}}}"),
                "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.name"},
        Refusal{"DestinationRule",
                policy("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 100}}}"),
                "spec.trafficPolicy.loadBalancer.consistentHash.maglev"},
        Refusal{"DestinationRule", policy("loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {a: 50}}]}}"),
                "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0]"},
        Refusal{"DestinationRule", policy("loadBalancer: {warmup: {}}"),
                "spec.trafficPolicy.loadBalancer.warmup.duration"},
        Refusal{"DestinationRule", policy("tls: {mode: MUTUAL}"), "spec.trafficPolicy.tls"},
        Refusal{"DestinationRule", policy("tls: {mode: TLS}"), "spec.trafficPolicy.tls.mode"},
        Refusal{"DestinationRule", policy("portLevelSettings: [{port: {number: 80}}]"),
                "spec.trafficPolicy.portLevelSettings[0]"},
        Refusal{"DestinationRule", policy("tunnel: {targetHost: a, targetPort: 0}"),
                "spec.trafficPolicy.tunnel.targetPort"},
        Refusal{"DestinationRule", "{host: a, workloadSelector: {matchLabels: {a: b}}, exportTo: [\"*\"]}",
                "spec.exportTo"},
        Refusal{"DestinationRule", "{host: a, workloadSelector: {matchLabels: {a: \"b*\"}}}",
                "spec.workloadSelector.matchLabels.a"}));

std::string rule(const std::string& rest) { return "{rules: [{" + rest + "}]}"; }

INSTANTIATE_TEST_SUITE_P(
    AuthorizationPolicy, Refusals,
    testing::Values(
        Refusal{"AuthorizationPolicy", "{action: DENY}", "spec"},
        Refusal{"AuthorizationPolicy", "{action: CUSTOM}", "spec"},
        Refusal{"AuthorizationPolicy", "{action: CUSTOM, rules: [{}]}", "spec"},
        Refusal{"AuthorizationPolicy", "{action: PERMIT}", "spec.action"},
        Refusal{"AuthorizationPolicy", "{provider: {name: x}}", "spec.provider"},
        Refusal{"AuthorizationPolicy",
                "{action: CUSTOM, provider: {name: x}, rules: [{from: [{source: {principals: [a]}}]}]}",
                "spec.rules[0]"},
        Refusal{"AuthorizationPolicy", "{rules: {}}", "spec.rules"},
        Refusal{"AuthorizationPolicy", "{rules: [null]}", "spec.rules[0]"},
        Refusal{"AuthorizationPolicy", "{selector: {matchLabels: {app: a}}, targetRef: {kind: Service, name: a}}",
                "spec"},
        Refusal{"AuthorizationPolicy", "{targetRefs: [{kind: Pod, name: a}]}", "spec.targetRefs[0]"},
        Refusal{"AuthorizationPolicy", "{targetRefs: [{kind: Service, name: a, namespace: b}]}", "spec.targetRefs[0]"},
        Refusal{"AuthorizationPolicy", rule("from: []"), "spec.rules[0]"},
        Refusal{"AuthorizationPolicy", rule("from: [{}]"), "spec.rules[0].from[0].source"},
        Refusal{"AuthorizationPolicy", rule("from: [{source: {}}]"), "spec.rules[0].from[0].source"},
        Refusal{"AuthorizationPolicy", rule("from: [{source: {principals: [\"\"]}}]"),
                "spec.rules[0].from[0].source.principals[0]"},
        Refusal{"AuthorizationPolicy", rule("from: [{source: {principals: a}}]"),
                "spec.rules[0].from[0].source.principals"},
        Refusal{"AuthorizationPolicy", rule("from: [{source: {principal: [a]}}]"), "spec.rules[0].from[0].source"},
        Refusal{"AuthorizationPolicy", rule("from: [{source: {ipBlocks: [10.0.0.0/33]}}]"),
                "spec.rules[0].from[0].source.ipBlocks[0]"},
        Refusal{"AuthorizationPolicy", rule("from: [{source: {serviceAccounts: [a], namespaces: [b]}}]"),
                "spec.rules[0].from[0].source"},
        Refusal{"AuthorizationPolicy", rule("from: [{source: {serviceAccounts: [a/b/c]}}]"),
                "spec.rules[0].from[0].source.serviceAccounts[0]"},
        Refusal{"AuthorizationPolicy", rule("to: [{operation: {}}]"), "spec.rules[0].to[0].operation"},
        Refusal{"AuthorizationPolicy", rule("to: [{operation: {ports: [80]}}]"),
                "spec.rules[0].to[0].operation.ports[0]"},
        Refusal{"AuthorizationPolicy", rule("to: [{operation: {ports: [\"70000\"]}}]"),
                "spec.rules[0].to[0].operation.ports[0]"},
        Refusal{"AuthorizationPolicy", rule("to: [{operation: {paths: [\"/a/{**}/{*}\"]}}]"),
                "spec.rules[0].to[0].operation.paths[0]"},
        Refusal{"AuthorizationPolicy", rule("to: [{operation: {paths: [\"/a/{b}\"]}}]"),
                "spec.rules[0].to[0].operation.paths[0]"},
        Refusal{"AuthorizationPolicy", rule("when: [{key: source.ip}]"), "spec.rules[0].when[0]"},
        Refusal{"AuthorizationPolicy", rule("when: [{values: [a]}]"), "spec.rules[0].when[0].key"},
        Refusal{"AuthorizationPolicy", rule("when: [{key: destination.user, values: [a]}]"),
                "spec.rules[0].when[0].key"},
        Refusal{"AuthorizationPolicy", rule("when: [{key: request.headers, values: [a]}]"),
                "spec.rules[0].when[0].key"},
        Refusal{"AuthorizationPolicy", rule("when: [{key: source.ip, values: [a]}]"),
                "spec.rules[0].when[0].values[0]"}));

INSTANTIATE_TEST_SUITE_P(
    PeerAuthentication, Refusals,
    testing::Values(
        Refusal{"PeerAuthentication", "{mtls: {mode: BLAH}}", "spec.mtls.mode"},
        Refusal{"PeerAuthentication", "{mtls: STRICT}", "spec.mtls"},
        Refusal{"PeerAuthentication", "{portLevelMtls: {80: {mode: STRICT}}}", "spec.portLevelMtls"},
        Refusal{"PeerAuthentication", "{selector: {matchLabels: {a: b}}, portLevelMtls: {}}", "spec.portLevelMtls"},
        Refusal{"PeerAuthentication", "{selector: {matchLabels: {a: b}}, portLevelMtls: {0: {mode: STRICT}}}",
                "spec.portLevelMtls.0"},
        Refusal{"PeerAuthentication", "{selector: {matchLabels: {a: b}}, portLevelMtls: {70000: {mode: STRICT}}}",
                "spec.portLevelMtls.70000"}));

}  // namespace
}  // namespace fairlead::model
