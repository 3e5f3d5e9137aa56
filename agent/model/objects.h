// The objects of the configuration, as every source delivers them: Kubernetes' and Istio's own words and defaults.
// Plain data after validation; what a field means is in Istio's and Kubernetes' reference. Value types, any thread.
// Two objects are equal if they say the same, wherever they were read.
#pragma once

#include "userspace-proxy/base/address.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fairlead::model {

using Labels = std::map<std::string, std::string, std::less<>>;

// Where an object was read. `line` is 1-based, 0 if unknown.
struct Origin {
  std::string file;
  int line = 0;
  bool operator==(const Origin&) const { return true; }
};

struct Metadata {
  std::string ns;  // empty for cluster-scoped kinds
  std::string name;
  Labels labels;
  Labels annotations;
  std::string creation_timestamp;  // RFC 3339 as text (it sorts); empty if absent
  std::string uid;
  Origin origin;
  // Labels and annotations under one roof: the label wins (design section 3, modes).
  [[nodiscard]] std::optional<std::string> label_or_annotation(std::string_view key) const;
  bool operator==(const Metadata&) const = default;
};

struct Namespace {
  Metadata meta;
  bool operator==(const Namespace&) const = default;
};

struct ServiceAccount {
  Metadata meta;
  bool operator==(const ServiceAccount&) const = default;
};

// Only its labels count: they say where it stands.
struct Node {
  Metadata meta;
  bool operator==(const Node&) const = default;
};

struct ContainerPort {
  std::string name;
  uint16_t port = 0;
  std::string protocol = "TCP";
  bool operator==(const ContainerPort&) const = default;
};

struct OwnerReference {
  std::string kind, name;
  bool operator==(const OwnerReference&) const = default;
};

struct Pod {
  Metadata meta;
  std::string node_name;
  std::string service_account = "default";
  bool host_network = false;
  std::vector<ContainerPort> ports;  // of all containers
  std::vector<OwnerReference> owners;
  std::vector<IpAddress> ips;  // status.podIPs, else status.podIP
  bool ready = true;           // condition Ready; true where the manifest has no status at all
  bool terminating = false;    // deletionTimestamp, or phase Succeeded/Failed
  std::string netns_path;      // annotation fairlead.dev/netns
  Origin netns_origin;         // where that is written
  bool operator==(const Pod&) const = default;
};

struct ServicePort {
  std::string name;
  uint16_t port = 0;
  std::string protocol = "TCP";
  std::string app_protocol;
  // targetPort: a number, or the name of a container port; defaults to `port`.
  std::variant<uint16_t, std::string> target;
  bool operator==(const ServicePort&) const = default;
};

// Which endpoints a Service prefers (spec.trafficDistribution). PreferClose is the former name of PreferSameZone.
enum class TrafficDistribution : uint8_t { kAny, kPreferSameZone, kPreferSameNode };

struct Service {
  Metadata meta;
  std::string type = "ClusterIP";  // ClusterIP, NodePort, LoadBalancer, ExternalName
  bool headless = false;           // clusterIP: None
  std::vector<IpAddress> cluster_ips;
  std::vector<IpAddress> external_ips;
  Labels selector;
  std::vector<ServicePort> ports;
  bool publish_not_ready = false;
  std::chrono::seconds affinity{0};  // sessionAffinity ClientIP: its timeout; 0: None
  bool node_local = false;           // internalTrafficPolicy Local
  TrafficDistribution distribution = TrafficDistribution::kAny;
  std::string external_name;
  bool operator==(const Service&) const = default;
};

struct EndpointPort {
  std::string name;
  uint16_t port = 0;
  std::string protocol = "TCP";
  std::string app_protocol;
  bool operator==(const EndpointPort&) const = default;
};

struct EndpointAddress {
  std::vector<IpAddress> addresses;
  bool ready = true;  // conditions.ready, nil means true
  bool terminating = false;
  std::string node_name;
  std::string pod;  // targetRef of kind Pod: its name
  std::string zone;
  std::vector<std::string> zone_hints, node_hints;  // for whom it is meant; both empty: nobody says
  bool operator==(const EndpointAddress&) const = default;
};

struct EndpointSlice {
  Metadata meta;
  std::string service;  // label kubernetes.io/service-name
  std::vector<EndpointPort> ports;
  std::vector<EndpointAddress> endpoints;
  bool operator==(const EndpointSlice&) const = default;
};

// --- networking.k8s.io ---

struct LabelRequirement {
  enum class Operator : uint8_t { kIn, kNotIn, kExists, kDoesNotExist } op = Operator::kExists;
  std::string key;
  std::vector<std::string> values;  // of kIn and kNotIn
  bool operator==(const LabelRequirement&) const = default;
};

// All of it must hold; empty: selects everything.
struct LabelSelector {
  Labels match_labels;
  std::vector<LabelRequirement> match_expressions;
  bool operator==(const LabelSelector&) const = default;
};

// Addresses, or pods: those that `pods` selects (nullopt: all) in the namespaces that `namespaces` selects (nullopt:
// the policy's own).
struct NetworkPeer {
  std::optional<Cidr> block;
  std::vector<Cidr> except;
  std::optional<LabelSelector> pods, namespaces;
  bool operator==(const NetworkPeer&) const = default;
};

struct NetworkPort {
  std::string protocol = "TCP";
  std::variant<uint16_t, std::string> port;  // a number (0: every port), or the name of a container port
  uint16_t end_port = 0;                     // last of a range; 0: the port alone
  bool operator==(const NetworkPort&) const = default;
};

struct NetworkRule {
  std::vector<NetworkPeer> peers;  // empty: everybody
  std::vector<NetworkPort> ports;  // empty: every port
  bool operator==(const NetworkRule&) const = default;
};

struct NetworkPolicy {
  Metadata meta;
  LabelSelector pods;
  // What is allowed in and out; nullopt: the policy does not isolate in that direction (policyTypes).
  std::optional<std::vector<NetworkRule>> ingress, egress;
  bool operator==(const NetworkPolicy&) const = default;
};

// --- networking.istio.io ---

struct StringMatch {
  enum class Form : uint8_t { kExact, kPrefix, kRegex, kPresent } form = Form::kExact;
  std::string text;
  bool operator==(const StringMatch&) const = default;
};

struct Destination {
  std::string host;  // as written; expanded by the compiler
  std::string subset;
  uint16_t port = 0;  // 0: not given
  bool operator==(const Destination&) const = default;
};

struct HeaderOperations {
  std::vector<std::pair<std::string, std::string>> set, add;
  std::vector<std::string> remove;
  bool operator==(const HeaderOperations&) const = default;
};

struct Headers {
  HeaderOperations request, response;
  bool operator==(const Headers&) const = default;
};

struct HttpRouteDestination {
  Destination destination;
  uint32_t weight = 0;
  Headers headers;
  bool operator==(const HttpRouteDestination&) const = default;
};

struct HttpMatch {
  std::string name;
  std::optional<StringMatch> uri, scheme, method, authority;
  std::map<std::string, StringMatch> headers, without_headers, query_params;
  bool ignore_uri_case = false;
  uint16_t port = 0;
  Labels source_labels;
  std::string source_namespace;
  std::vector<std::string> gateways;
  bool operator==(const HttpMatch&) const = default;
};

struct HttpRedirect {
  std::string uri, authority, scheme;
  uint16_t port = 0;
  bool derive_request_port = false;
  uint16_t code = 301;
  bool operator==(const HttpRedirect&) const = default;
};

struct HttpDirectResponse {
  uint16_t status = 200;
  std::string body;
  bool operator==(const HttpDirectResponse&) const = default;
};

// The rest of a route is in another VirtualService.
struct HttpDelegate {
  std::string name;
  std::string ns;  // empty: the namespace of this VirtualService
  bool operator==(const HttpDelegate&) const = default;
};

struct HttpRoute {
  std::string name;
  std::vector<HttpMatch> matches;
  std::vector<HttpRouteDestination> destinations;
  std::optional<HttpRedirect> redirect;
  std::optional<HttpDirectResponse> direct_response;
  std::optional<HttpDelegate> delegate;  // then there are no destinations here
  std::string rewrite_uri, rewrite_authority;
  std::chrono::milliseconds timeout{0};
  Headers headers;
  bool operator==(const HttpRoute&) const = default;
};

struct VirtualService {
  Metadata meta;
  std::vector<std::string> hosts;     // as written; none: only a delegate, part of another VirtualService
  std::vector<std::string> gateways;  // empty: mesh
  std::vector<std::string> export_to;
  std::vector<HttpRoute> http;
  bool has_tls_routes = false, has_tcp_routes = false;  // load, and are reported once as not in force
  bool operator==(const VirtualService&) const = default;
};

enum class LoadBalancer : uint8_t { kUnspecified, kRoundRobin, kLeastRequest, kRandom, kPassthrough, kSourceIp };

struct Subset {
  std::string name;
  Labels labels;
  std::optional<LoadBalancer> load_balancer = std::nullopt;  // nullopt: the rule's
  bool operator==(const Subset&) const = default;
};

struct DestinationRule {
  Metadata meta;
  std::string host;
  std::vector<std::string> export_to;
  std::vector<Subset> subsets;
  std::chrono::milliseconds connect_timeout{0};  // trafficPolicy.connectionPool.tcp.connectTimeout; 0: not given
  std::optional<Labels> workload_selector;       // clients that it is for; nullopt: all
  std::optional<LoadBalancer> load_balancer;     // trafficPolicy.loadBalancer; nullopt: not given
  bool operator==(const DestinationRule&) const = default;
};

// --- security.istio.io ---

struct AuthorizationSource {
  std::vector<std::string> principals, not_principals, request_principals, not_request_principals;
  std::vector<std::string> namespaces, not_namespaces, ip_blocks, not_ip_blocks, remote_ip_blocks, not_remote_ip_blocks;
  std::vector<std::string> service_accounts, not_service_accounts, trust_domains, not_trust_domains;
  bool operator==(const AuthorizationSource&) const = default;
};

struct AuthorizationOperation {
  std::vector<std::string> hosts, not_hosts, ports, not_ports, methods, not_methods, paths, not_paths;
  bool operator==(const AuthorizationOperation&) const = default;
};

struct AuthorizationCondition {
  std::string key;
  std::vector<std::string> values, not_values;
  bool operator==(const AuthorizationCondition&) const = default;
};

struct AuthorizationRule {
  std::vector<AuthorizationSource> from;
  std::vector<AuthorizationOperation> to;
  std::vector<AuthorizationCondition> when;
  bool operator==(const AuthorizationRule&) const = default;
};

struct TargetRef {
  std::string group, kind, name;
  bool operator==(const TargetRef&) const = default;
};

struct AuthorizationPolicy {
  enum class Action : uint8_t { kAllow, kDeny, kCustom, kAudit };
  Metadata meta;
  std::optional<Labels> selector;  // nullopt: the namespace; matchLabels otherwise (empty: the namespace too)
  std::vector<TargetRef> target_refs;
  Action action = Action::kAllow;
  std::vector<AuthorizationRule> rules;
  std::string provider;  // of kCustom
  bool dry_run = false;  // annotation istio.io/dry-run
  bool operator==(const AuthorizationPolicy&) const = default;
};

struct PeerAuthentication {
  enum class Mode : uint8_t { kUnset, kDisable, kPermissive, kStrict };
  Metadata meta;
  std::optional<Labels> selector;
  Mode mode = Mode::kUnset;
  std::map<uint16_t, Mode> port_modes;
  bool operator==(const PeerAuthentication&) const = default;
};

using Object = std::variant<Namespace, ServiceAccount, Pod, Service, EndpointSlice, VirtualService, DestinationRule,
                            AuthorizationPolicy, PeerAuthentication, NetworkPolicy, Node>;

// "VirtualService/shop/reviews", or "Namespace/shop" for a cluster-scoped kind.
struct ObjectKey {
  std::string kind, ns, name;
  auto operator<=>(const ObjectKey&) const = default;
  [[nodiscard]] std::string text() const;
};

ObjectKey key_of(const Object& object);
const Metadata& metadata_of(const Object& object);

enum class Severity : uint8_t { kInfo, kWarning, kError };

// One thing to tell a person about an object: the CLI's `analyze`, the agent's log and `status`.
struct Message {
  std::string code;  // "IST0106" (Istio's), "FL0001" (ours)
  Severity severity = Severity::kError;
  std::string object;  // "VirtualService/shop/reviews"; empty if the file has no readable object
  Origin origin;
  std::string field;  // "spec.http[0].route[1].weight"; may be empty
  std::string text;   // what is wrong, and what to write instead

  // "FILE:LINE: VirtualService/shop/reviews: spec.http[0].route[1].weight: ..." as one line.
  [[nodiscard]] std::string line() const;
};

// Everything that is in force, ordered by key. What a source delivers and the compiler takes.
struct ObjectSet {
  std::map<ObjectKey, Object> objects;
  bool operator==(const ObjectSet&) const = default;

  template <class T>
  [[nodiscard]] std::vector<const T*> all() const {
    std::vector<const T*> found;
    for (const auto& [key, object] : objects) {
      if (const T* value = std::get_if<T>(&object)) {
        found.push_back(value);
      }
    }
    return found;
  }
};

}  // namespace fairlead::model
