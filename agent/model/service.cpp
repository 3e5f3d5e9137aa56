// Service (v1): the addresses and ports that clients dial, and what stands behind them.
#include "agent/model/loaders.h"
#include "agent/model/metadata.h"

#include <fmt/format.h>

#include <set>

namespace fairlead::model {

namespace {

constexpr std::string_view kHeadless = "None";

// A number, or the name of a container's port.
std::variant<uint16_t, std::string> read_target(const Cursor& at, uint16_t port) {
  if (!at) {
    return port;
  }
  if (at.node()->kind == YamlNode::Kind::kScalar && !at.node()->quoted && !port_name(at.node()->text)) {
    return at.string();
  }
  return at.node()->quoted ? std::variant<uint16_t, std::string>(at.string(port_name)) : at.port();
}

// Kubernetes refuses "HTTP" and the like; Istio takes them for TCP, and manifests that say so are about.
std::string read_protocol(const Cursor& at) {
  std::string protocol = at ? at.string() : "TCP";
  if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") {
    at.warn(in_quotes(protocol) +
            " is none of TCP, UDP and SCTP, and is read as TCP; say it in the port's name or appProtocol");
    return "TCP";
  }
  return protocol;
}

ServicePort read_port(const Cursor& at) {
  Fields fields(at);
  ServicePort port;
  port.name = fields["name"].string(dns_label);
  port.port = fields.required("port").port();
  port.protocol = read_protocol(fields["protocol"]);
  port.app_protocol = fields["appProtocol"].string();
  port.target = read_target(fields["targetPort"], port.port);
  return port;
}

std::vector<ServicePort> read_ports(const Cursor& at) {
  std::vector<ServicePort> ports;
  std::set<std::string> names;
  std::set<std::pair<uint16_t, std::string>> numbers;
  const std::vector<Cursor> items = at.items();
  for (const Cursor& item : items) {
    ServicePort port = read_port(item);
    if (items.size() > 1 && port.name.empty()) {
      item.warn("has no name, which Kubernetes demands of a Service with several ports");
    } else if (!names.insert(port.name).second) {
      item.error(fmt::format("the name {} is here twice", in_quotes(port.name)));
    }
    if (port.port != 0 && !numbers.emplace(port.port, port.protocol).second) {
      item.error(fmt::format("the port {}/{} is here twice", port.port, port.protocol));
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

std::vector<IpAddress> read_addresses(const Cursor& list) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : list.strings(ip_address)) {
    if (const auto address = IpAddress::parse(text)) {
      addresses.push_back(*address);
    }
  }
  return addresses;
}

void read_cluster_ips(Fields& spec, Service& service) {
  const Cursor one = spec["clusterIP"];
  const Cursor list = spec["clusterIPs"];
  for (const Cursor& item : list.items()) {
    service.headless = service.headless || item.string() == kHeadless;
  }
  const std::string text = one.string();
  service.headless = service.headless || text == kHeadless;
  if (service.headless) {
    return;
  }
  service.cluster_ips = read_addresses(list);
  if (service.cluster_ips.empty() && !text.empty()) {
    if (const auto address = IpAddress::parse(one.string(ip_address))) {
      service.cluster_ips.push_back(*address);
    }
  }
}

// https://kubernetes.io/docs/reference/networking/virtual-ips/#session-affinity; the checks are those of Kubernetes'
// API.
std::chrono::seconds read_affinity(Fields& spec) {
  static constexpr int64_t kDefault = 10'800, kMost = 86'400;
  const bool by_client = spec["sessionAffinity"].word({"ClientIP", "None"}) == "ClientIP";
  const Cursor config = spec["sessionAffinityConfig"];
  if (config && !by_client) {
    config.error("needs sessionAffinity: ClientIP; write that, or remove it");
  }
  Fields fields(config);
  Fields client(fields["clientIP"]);
  const Cursor timeout = client["timeoutSeconds"];
  const int64_t seconds = timeout ? timeout.integer(1, kMost) : kDefault;
  return std::chrono::seconds(by_client ? seconds : 0);
}

// internalTrafficPolicy and trafficDistribution.
void read_traffic_policies(Fields& spec, Service& service) {
  service.node_local = spec["internalTrafficPolicy"].word({"Cluster", "Local"}) == "Local";
  using enum TrafficDistribution;
  service.distribution = spec["trafficDistribution"].one_of<TrafficDistribution>(
      {{"PreferSameZone", kPreferSameZone}, {"PreferSameNode", kPreferSameNode}, {"PreferClose", kPreferSameZone}},
      kAny);
}

}  // namespace

Object load_service(Metadata meta, Fields& object) {
  Service service;
  Fields spec(object["spec"]);
  if (const Cursor type = spec["type"]) {
    service.type = type.word({"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"});
  }
  read_cluster_ips(spec, service);
  service.external_ips = read_addresses(spec["externalIPs"]);
  service.selector = read_labels(spec["selector"]);
  service.ports = read_ports(spec["ports"]);
  service.publish_not_ready = spec["publishNotReadyAddresses"].boolean();
  service.affinity = read_affinity(spec);
  read_traffic_policies(spec, service);
  if (service.type == "ExternalName") {
    service.external_name = spec.required("externalName").string(domain_name);
  }
  service.meta = std::move(meta);
  return service;
}

}  // namespace fairlead::model
