#include "agent/model/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class T>
T load_one(const std::string& text) {
  const Loaded loaded = load_documents(text, "f");
  for (const Message& message : loaded.messages) {
    EXPECT_NE(message.severity, Severity::kError) << message.line();
  }
  EXPECT_EQ(loaded.objects.size(), 1u);
  return loaded.objects.empty() ? T{} : std::get<T>(loaded.objects[0].second);
}

std::string error_field(const std::string& text) {
  const Loaded loaded = load_documents(text, "f");
  EXPECT_THAT(loaded.objects, IsEmpty());
  return loaded.messages.empty() ? "" : loaded.messages[0].field;
}

TEST(PodKind, IsReadWithItsStatus) {
  const Pod pod = load_one<Pod>(R"(
apiVersion: v1
kind: Pod
metadata:
  name: reviews-v1
  namespace: shop
  labels: {app: reviews, fairlead.dev/mode: sidecar}
  annotations:
    fairlead.dev/netns: /run/netns/cf-1
    fairlead.dev/mode: node
  ownerReferences: [{kind: ReplicaSet, name: reviews-5d, uid: x, apiVersion: apps/v1}]
spec:
  nodeName: node-1
  serviceAccountName: reviews
  hostNetwork: true
  initContainers:
  - {name: sidecar, restartPolicy: Always, ports: [{containerPort: 15020}]}
  - {name: setup, ports: [{containerPort: 1}]}
  containers:
  - {name: app, image: x, ports: [{name: http, containerPort: 9080}, {containerPort: 53, protocol: UDP}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Initialized, status: "True"}, {type: Ready, status: "False"}]
)");
  EXPECT_EQ(pod.node_name, "node-1");
  EXPECT_EQ(pod.service_account, "reviews");
  EXPECT_TRUE(pod.host_network);
  EXPECT_EQ(pod.netns_path, "/run/netns/cf-1");
  EXPECT_EQ(pod.netns_origin.line, 9);
  EXPECT_FALSE(pod.ready);
  EXPECT_FALSE(pod.terminating);
  ASSERT_EQ(pod.ips.size(), 2u);
  EXPECT_EQ(pod.ips[1].text(), "fd00::1");
  ASSERT_EQ(pod.ports.size(), 3u);
  EXPECT_EQ(pod.ports[0].name, "http");
  EXPECT_EQ(pod.ports[1].protocol, "UDP");
  EXPECT_EQ(pod.ports[2].port, 15020);
  EXPECT_EQ(pod.owners[0].name, "reviews-5d");
  EXPECT_EQ(pod.meta.label_or_annotation("fairlead.dev/mode"), "sidecar");
}

TEST(PodKind, IsReadyUnlessItsStatusSaysOtherwise) {
  const auto ready = [](const std::string& rest) {
    return load_one<Pod>("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n" + rest).ready;
  };
  EXPECT_TRUE(ready(""));
  EXPECT_TRUE(ready("status: {podIP: 10.0.0.1}\n"));
  EXPECT_TRUE(ready("status: {phase: Running}\n"));
  EXPECT_TRUE(ready("status: {conditions: [{type: Ready, status: \"True\"}]}\n"));
  EXPECT_FALSE(ready("status: {phase: Pending}\n"));
  EXPECT_FALSE(ready("status: {phase: Running, conditions: [{type: Initialized, status: \"True\"}]}\n"));
}

TEST(PodKind, EndsWithItsPhaseOrItsDeletion) {
  const auto terminating = [](const std::string& meta, const std::string& rest) {
    return load_one<Pod>("apiVersion: v1\nkind: Pod\nmetadata: {name: a" + meta + "}\n" + rest).terminating;
  };
  EXPECT_FALSE(terminating("", ""));
  EXPECT_TRUE(terminating(", deletionTimestamp: 2026-01-01T00:00:00Z", ""));
  EXPECT_TRUE(terminating("", "status: {phase: Succeeded}\n"));
  EXPECT_TRUE(terminating("", "status: {phase: Failed}\n"));
}

TEST(PodKind, RefusesImpossibleValues) {
  const std::string pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
  EXPECT_EQ(error_field(pod + "spec: {containers: [{ports: [{containerPort: 70000}]}]}\n"),
            "spec.containers[0].ports[0].containerPort");
  EXPECT_EQ(error_field(pod + "spec: {hostNetwork: \"yes\"}\n"), "spec.hostNetwork");
  EXPECT_EQ(error_field(pod + "status: {podIP: 10.0.0}\n"), "status.podIP");
  EXPECT_EQ(error_field("apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {fairlead.dev/netns: cf}}\n"),
            "metadata.annotations[fairlead.dev/netns]");
  EXPECT_EQ(error_field("apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {version: 1}}\n"),
            "metadata.labels.version");
}

TEST(ServiceKind, IsReadWithTargets) {
  const Service service = load_one<Service>(R"(
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec:
  clusterIP: 10.96.0.7
  clusterIPs: [10.96.0.7, "fd00::7"]
  externalIPs: [192.0.2.1]
  selector: {app: reviews}
  publishNotReadyAddresses: true
  ports:
  - {name: http, port: 80, targetPort: 9080}
  - {name: named, port: 81, targetPort: web, appProtocol: http}
  - {name: same, port: 82, protocol: UDP}
  - {name: quoted, port: 83, targetPort: "web"}
)");
  EXPECT_EQ(service.cluster_ips.size(), 2u);
  EXPECT_EQ(service.external_ips.size(), 1u);
  EXPECT_FALSE(service.headless);
  EXPECT_TRUE(service.publish_not_ready);
  ASSERT_EQ(service.ports.size(), 4u);
  EXPECT_EQ(std::get<uint16_t>(service.ports[0].target), 9080);
  EXPECT_EQ(std::get<std::string>(service.ports[1].target), "web");
  EXPECT_EQ(service.ports[1].app_protocol, "http");
  EXPECT_EQ(std::get<uint16_t>(service.ports[2].target), 82);
  EXPECT_EQ(std::get<std::string>(service.ports[3].target), "web");
}

TEST(ServiceKind, KnowsHeadlessAndExternalNames) {
  const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n";
  EXPECT_TRUE(load_one<Service>(service + "spec: {clusterIP: None}\n").headless);
  EXPECT_EQ(load_one<Service>(service + "spec: {type: ExternalName, externalName: example.com}\n").external_name,
            "example.com");
  EXPECT_EQ(error_field(service + "spec: {type: ExternalName}\n"), "spec.externalName");
}

TEST(ServiceKind, RefusesImpossibleValues) {
  const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n";
  EXPECT_EQ(error_field(service + "spec: {ports: [{port: 70000}]}\n"), "spec.ports[0].port");
  EXPECT_EQ(error_field(service + "spec: {ports: [{port: 0}]}\n"), "spec.ports[0].port");
  EXPECT_EQ(error_field(service + "spec: {ports: [{port: \"80\"}]}\n"), "spec.ports[0].port");
  EXPECT_EQ(error_field(service + "spec: {ports: [{name: a, port: 80}, {name: a, port: 81}]}\n"), "spec.ports[1]");
  EXPECT_EQ(error_field(service + "spec: {ports: [{name: a, port: 80}, {name: b, port: 80}]}\n"), "spec.ports[1]");
  EXPECT_EQ(error_field(service + "spec: {ports: [{port: 80, targetPort: 70000}]}\n"), "spec.ports[0].targetPort");
  EXPECT_EQ(error_field(service + "spec: {clusterIP: 10.0.0}\n"), "spec.clusterIP");
  EXPECT_EQ(error_field(service + "spec: {selector: [a]}\n"), "spec.selector");
  EXPECT_EQ(error_field(service + "spec: {type: Cluster}\n"), "spec.type");
}

TEST(ServiceKind, IsReadWithSessionAffinity) {
  const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: ";
  EXPECT_EQ(load_one<Service>(service + "{sessionAffinity: None}\n").affinity.count(), 0);
  EXPECT_EQ(load_one<Service>(service + "{sessionAffinity: ClientIP}\n").affinity.count(), 10'800);
  EXPECT_EQ(load_one<Service>(service + "{sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: "
                                        "{timeoutSeconds: 86400}}}\n")
                .affinity.count(),
            86'400);
  EXPECT_EQ(error_field(service + "{sessionAffinity: Cookie}\n"), "spec.sessionAffinity");
  EXPECT_EQ(error_field(service + "{sessionAffinityConfig: {clientIP: {timeoutSeconds: 10}}}\n"),
            "spec.sessionAffinityConfig");
  for (const char* seconds : {"0", "86401", "-1", "\"10\"", "1.5"}) {
    EXPECT_EQ(error_field(service + "{sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: " +
                          seconds + "}}}\n"),
              "spec.sessionAffinityConfig.clientIP.timeoutSeconds")
        << seconds;
  }
}

TEST(ServiceKind, IsReadWithTrafficPolicies) {
  const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: ";
  EXPECT_TRUE(load_one<Service>(service + "{internalTrafficPolicy: Local}\n").node_local);
  EXPECT_FALSE(load_one<Service>(service + "{internalTrafficPolicy: Cluster}\n").node_local);
  using enum TrafficDistribution;
  for (const auto& [word, expected] :
       {std::pair("PreferSameZone", kPreferSameZone), std::pair("PreferClose", kPreferSameZone),
        std::pair("PreferSameNode", kPreferSameNode)}) {
    EXPECT_EQ(load_one<Service>(service + "{trafficDistribution: " + word + "}\n").distribution, expected) << word;
  }
  EXPECT_EQ(error_field(service + "{internalTrafficPolicy: Node}\n"), "spec.internalTrafficPolicy");
  EXPECT_EQ(error_field(service + "{trafficDistribution: Near}\n"), "spec.trafficDistribution");
}

TEST(EndpointSliceKind, IsReadWithZoneAndHints) {
  const EndpointSlice slice = load_one<EndpointSlice>(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
- {addresses: [10.0.0.1], zone: a, hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: node-1}]}}
)");
  ASSERT_EQ(slice.endpoints.size(), 1u);
  EXPECT_EQ(slice.endpoints[0].zone, "a");
  EXPECT_THAT(slice.endpoints[0].zone_hints, ElementsAre("a", "b"));
  EXPECT_THAT(slice.endpoints[0].node_hints, ElementsAre("node-1"));
}

TEST(NodeKind, IsItsLabels) {
  const Node node =
      load_one<Node>("apiVersion: v1\nkind: Node\nmetadata: {name: n, labels: {topology.kubernetes.io/zone: a}}\n");
  EXPECT_EQ(node.meta.ns, "");
  EXPECT_EQ(node.meta.labels.at("topology.kubernetes.io/zone"), "a");
}

TEST(EndpointSliceKind, IsReadWithConditions) {
  const EndpointSlice slice = load_one<EndpointSlice>(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: legacy-1, namespace: shop, labels: {kubernetes.io/service-name: legacy}}
addressType: IPv4
ports: [{name: http, port: 8000}]
endpoints:
- {addresses: [10.0.0.1], nodeName: node-2, targetRef: {kind: Pod, name: legacy, namespace: shop}}
- {addresses: [10.0.0.2], conditions: {ready: false, serving: true, terminating: true}}
)");
  EXPECT_EQ(slice.service, "legacy");
  ASSERT_EQ(slice.endpoints.size(), 2u);
  EXPECT_TRUE(slice.endpoints[0].ready);
  EXPECT_EQ(slice.endpoints[0].pod, "legacy");
  EXPECT_EQ(slice.endpoints[0].node_name, "node-2");
  EXPECT_FALSE(slice.endpoints[1].ready);
  EXPECT_TRUE(slice.endpoints[1].terminating);
}

TEST(EndpointSliceKind, IgnoresNamesAndRefusesOtherFamilies) {
  const std::string slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n";
  EXPECT_THAT(load_one<EndpointSlice>(slice + "addressType: FQDN\nendpoints: [{addresses: [example.com]}]\n").endpoints,
              IsEmpty());
  EXPECT_EQ(error_field(slice + "addressType: IPv4\nendpoints: [{addresses: [\"fd00::1\"]}]\n"),
            "endpoints[0].addresses[0]");
  EXPECT_EQ(error_field(slice + "endpoints: []\n"), "addressType");
}

TEST(NamespaceKind, HasNoNamespaceOfItsOwn) {
  const Namespace read = load_one<Namespace>(
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, namespace: x, labels: {istio-injection: enabled}}\n");
  EXPECT_EQ(key_of(read).text(), "Namespace/shop");
  EXPECT_EQ(read.meta.labels.at("istio-injection"), "enabled");
}

TEST(Objects, AreEqualWhereverTheyWereRead) {
  const std::string text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {a: b}}\n";
  const Loaded one = load_documents(text, "one");
  const Loaded two = load_documents("# comment\n" + text, "two");
  const Loaded other = load_documents("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n", "one");
  EXPECT_EQ(one.objects, two.objects);
  EXPECT_NE(one.objects, other.objects);
}

}  // namespace
}  // namespace fairlead::model
