#include "agent/model/not_in_force.h"

namespace fairlead::model {

namespace {

// `path` goes through maps by name and through lists by "[]"; the last name may be a prefix of several with "*" behind
// it. With a `value` only a scalar that begins with it counts.
struct Entry {
  std::string_view kind;
  std::string_view path;
  std::string_view value;
  Severity severity;
  std::string_view text;
};

constexpr auto kTraffic = Severity::kInfo;
constexpr auto kSecurity = Severity::kWarning;
constexpr std::string_view kYet = "is not in force yet";
constexpr std::string_view kNoToken = "is not in force yet: tokens are not read, so no request has this attribute";
constexpr std::string_view kNoAttribute = "is not in force yet: no connection or request has this attribute";

constexpr Entry kEntries[] = {
    {"VirtualService", "spec.http.[].retries", "", kTraffic, kYet},
    {"VirtualService", "spec.http.[].fault", "", kTraffic, kYet},
    {"VirtualService", "spec.http.[].mirror*", "", kTraffic, kYet},
    {"VirtualService", "spec.http.[].corsPolicy", "", kTraffic, kYet},
    {"VirtualService", "spec.http.[].delegate", "", kTraffic, kYet},
    {"VirtualService", "spec.http.[].rewrite.uriRegexRewrite", "", kTraffic, kYet},
    {"VirtualService", "spec.http.[].redirect.prefixRewrite", "", kTraffic, kYet},
    {"VirtualService", "spec.http.[].match.[].statPrefix", "", kTraffic, kYet},
    {"VirtualService", "spec.tls", "", kTraffic, kYet},
    {"VirtualService", "spec.tcp", "", kTraffic, kYet},

    {"DestinationRule", "spec.workloadSelector", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.loadBalancer.consistentHash.http*", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.loadBalancer.localityLbSetting", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.loadBalancer.warmup*", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.outlierDetection", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.portLevelSettings", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.tunnel", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.proxyProtocol", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.retryBudget", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.tls", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.connectionPool.http", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.connectionPool.tcp.max*", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.connectionPool.tcp.idleTimeout", "", kTraffic, kYet},
    {"DestinationRule", "spec.trafficPolicy.connectionPool.tcp.tcpKeepalive", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.loadBalancer.consistentHash.http*", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.loadBalancer.localityLbSetting", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.loadBalancer.zoneAwareLbSetting", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.loadBalancer.warmup*", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.connectionPool", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.outlierDetection", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.portLevelSettings", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.tunnel", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.proxyProtocol", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.retryBudget", "", kTraffic, kYet},
    {"DestinationRule", "spec.subsets.[].trafficPolicy.tls", "", kTraffic, kYet},

    {"AuthorizationPolicy", "spec.action", "CUSTOM", kSecurity,
     "CUSTOM is not in force yet: no external authorizer is asked"},
    {"AuthorizationPolicy", "spec.rules.[].from.[].source.requestPrincipals", "", kSecurity, kNoToken},
    {"AuthorizationPolicy", "spec.rules.[].from.[].source.notRequestPrincipals", "", kSecurity, kNoToken},
    {"AuthorizationPolicy", "spec.rules.[].when.[].key", "request.auth.", kSecurity, kNoToken},
    {"AuthorizationPolicy", "spec.rules.[].when.[].key", "connection.sni", kSecurity, kNoAttribute},
    {"AuthorizationPolicy", "spec.rules.[].when.[].key", "experimental.", kSecurity, kNoAttribute},
};

bool names(std::string_view pattern, std::string_view key) {
  return pattern.ends_with('*') ? key.starts_with(pattern.substr(0, pattern.size() - 1)) : key == pattern;
}

// The first node that `path` leads to and that has the value.
const YamlNode* find(const YamlNode& node, std::string_view path, std::string_view value) {
  if (path.empty()) {
    const bool wanted = value.empty() ? !node.is_null() : node.text.starts_with(value);
    return wanted ? &node : nullptr;
  }
  const size_t dot = path.find('.');
  const std::string_view step = path.substr(0, dot);
  const std::string_view rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  const bool into_list = step == "[]" && node.kind == YamlNode::Kind::kSequence;
  for (const YamlNode& child : node.children) {
    if (into_list || (node.is_map() && names(step, child.key))) {
      if (const YamlNode* found = find(child, rest, value)) {
        return found;
      }
    }
  }
  return nullptr;
}

}  // namespace

std::vector<NotInForce> find_not_in_force(std::string_view kind, const YamlNode& object) {
  std::vector<NotInForce> found;
  for (const Entry& entry : kEntries) {
    if (entry.kind != kind) {
      continue;
    }
    if (const YamlNode* node = find(object, entry.path, entry.value)) {
      found.push_back({entry.severity, node, entry.text});
    }
  }
  return found;
}

}  // namespace fairlead::model
