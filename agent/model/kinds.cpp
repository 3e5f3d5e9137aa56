#include "agent/model/kinds.h"

#include <algorithm>

namespace fairlead::model {

namespace {

using Unknown = Report::UnknownFields;

constexpr std::string_view kV1[] = {"v1"};
constexpr std::string_view kNetworking[] = {"v1", "v1beta1", "v1alpha3"};
constexpr std::string_view kSecurity[] = {"v1", "v1beta1"};

constexpr Kind kKinds[] = {
    {"", "Namespace", kV1, Scope::kCluster, Unknown::kIgnore, load_namespace},
    {"", "ServiceAccount", kV1, Scope::kNamespace, Unknown::kIgnore, load_service_account},
    {"", "Node", kV1, Scope::kCluster, Unknown::kIgnore, load_node},
    {"", "Pod", kV1, Scope::kNamespace, Unknown::kIgnore, load_pod},
    {"", "Service", kV1, Scope::kNamespace, Unknown::kIgnore, load_service},
    {"discovery.k8s.io", "EndpointSlice", kV1, Scope::kNamespace, Unknown::kIgnore, load_endpoint_slice},
    {"networking.istio.io", "VirtualService", kNetworking, Scope::kNamespace, Unknown::kRefuse, load_virtual_service},
    {"networking.istio.io", "DestinationRule", kNetworking, Scope::kNamespace, Unknown::kRefuse, load_destination_rule},
    {"security.istio.io", "AuthorizationPolicy", kSecurity, Scope::kNamespace, Unknown::kRefuse,
     load_authorization_policy},
    {"security.istio.io", "PeerAuthentication", kSecurity, Scope::kNamespace, Unknown::kRefuse,
     load_peer_authentication},
    {"networking.k8s.io", "NetworkPolicy", kV1, Scope::kNamespace, Unknown::kIgnore, load_network_policy},
};

struct SecurityKind {
  std::string_view group;
  std::string_view name;  // empty: every kind of the group
  std::string_view text;
};

constexpr SecurityKind kSecurityKinds[] = {
    {"security.istio.io", "RequestAuthentication", "RequestAuthentication is not in force yet: tokens are not checked"},
    {"policy.networking.k8s.io", "", "cluster network policies are not in force"},
    {"authentication.istio.io", "",
     "this kind was removed from Istio; write PeerAuthentication or RequestAuthentication"},
    {"rbac.istio.io", "", "this kind was removed from Istio; write AuthorizationPolicy"},
};

}  // namespace

const Kind* find_kind(std::string_view group, std::string_view name) {
  const auto* const found =
      std::ranges::find_if(kKinds, [&](const Kind& kind) { return kind.group == group && kind.name == name; });
  return found == std::end(kKinds) ? nullptr : found;
}

std::string_view security_notice(std::string_view group, std::string_view name) {
  for (const SecurityKind& kind : kSecurityKinds) {
    if (kind.group == group && (kind.name.empty() || kind.name == name)) {
      return kind.text;
    }
  }
  return {};
}

}  // namespace fairlead::model
