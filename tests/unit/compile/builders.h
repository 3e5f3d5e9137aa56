// Objects for the compiler's tests, as short as the tests want to say them.
#pragma once

#include "agent/compile/compile.h"

#include <initializer_list>
#include <string>
#include <utility>

namespace fairlead::compile {

namespace wire = config::wire;

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

inline std::string wire_ip(std::string_view text) {
  const auto bytes = ip(text).bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline model::Metadata meta(std::string ns, std::string name, model::Labels labels = {}) {
  model::Metadata out;
  out.ns = std::move(ns);
  out.name = std::move(name);
  out.labels = std::move(labels);
  return out;
}

inline model::Pod pod(const std::string& ns, const std::string& name, const std::string& address,
                      model::Labels labels = {}) {
  model::Pod out;
  out.meta = meta(ns, name, std::move(labels));
  out.service_account = name;
  if (!address.empty()) {
    out.ips = {ip(address)};
  }
  return out;
}

inline model::ServicePort service_port(std::string name, uint16_t port, std::variant<uint16_t, std::string> target) {
  model::ServicePort out;
  out.name = std::move(name);
  out.port = port;
  out.target = std::move(target);
  return out;
}

// Selects `app: NAME`; an empty `vip` makes it headless.
inline model::Service service(const std::string& ns, const std::string& name, const std::string& vip,
                              std::vector<model::ServicePort> ports) {
  model::Service out;
  out.meta = meta(ns, name);
  out.selector = {{"app", name}};
  out.headless = vip.empty();
  if (!vip.empty()) {
    out.cluster_ips = {ip(vip)};
  }
  out.ports = std::move(ports);
  return out;
}

inline model::Destination to(std::string host, std::string subset = "", uint16_t port = 0) {
  return {.host = std::move(host), .subset = std::move(subset), .port = port};
}

// One rule without conditions.
inline model::HttpRoute rule(std::initializer_list<std::pair<model::Destination, uint32_t>> destinations) {
  model::HttpRoute out;
  for (const auto& [destination, weight] : destinations) {
    out.destinations.push_back({.destination = destination, .weight = weight, .headers = {}});
  }
  return out;
}

inline model::HttpRoute rule(model::HttpMatch match, const model::Destination& destination) {
  model::HttpRoute out = rule({{destination, 0}});
  out.matches = {std::move(match)};
  return out;
}

inline model::HttpMatch prefix(std::string path) {
  model::HttpMatch out;
  out.uri = {.form = model::StringMatch::Form::kPrefix, .text = std::move(path)};
  return out;
}

inline model::VirtualService virtual_service(const std::string& ns, const std::string& name,
                                             std::vector<std::string> hosts, std::vector<model::HttpRoute> http) {
  model::VirtualService out;
  out.meta = meta(ns, name);
  out.hosts = std::move(hosts);
  out.http = std::move(http);
  return out;
}

inline model::DestinationRule destination_rule(const std::string& ns, const std::string& name, std::string host,
                                               std::vector<std::pair<std::string, std::string>> subset_versions) {
  model::DestinationRule out;
  out.meta = meta(ns, name);
  out.host = std::move(host);
  for (auto& [subset, version] : subset_versions) {
    out.subsets.push_back({subset, {{"version", version}}});
  }
  return out;
}

inline model::AuthorizationPolicy authorization(const std::string& ns, const std::string& name,
                                                model::AuthorizationPolicy::Action action,
                                                std::vector<model::AuthorizationRule> rules) {
  model::AuthorizationPolicy out;
  out.meta = meta(ns, name);
  out.action = action;
  out.rules = std::move(rules);
  return out;
}

inline model::AuthorizationRule path_rule(std::string path) {
  model::AuthorizationRule out;
  out.to.emplace_back().paths = {std::move(path)};
  return out;
}

// A set of objects and the state of the node, compiled.
class World {
 public:
  World() { inputs.objects = &objects; }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void add(const model::Object& object) { objects.objects[key(object)] = object; }
  // A pod that this node has enrolled; its cookie is made up of the order of calls.
  void enrol(const model::Pod& pod, config::Mode mode = config::Mode::kNode) {
    add(pod);
    inputs.pods[pod.meta.ns + "/" + pod.meta.name] = {.netns = ++cookies_, .ips = {}, .mode = mode, .mode_reason = ""};
  }
  [[nodiscard]] Compiled compile() const { return compile::compile(inputs); }

  model::ObjectSet objects;
  Inputs inputs;

 private:
  static model::ObjectKey key(const model::Object& object) { return model::key_of(object); }

  uint64_t cookies_ = 1000;
};

// --- what a test looks for in the result ---

inline const wire::Workload* workload(const wire::Snapshot& snapshot, std::string_view uid) {
  for (const auto& workload : snapshot.workloads()) {
    if (workload.uid() == uid) {
      return &workload;
    }
  }
  return nullptr;
}

inline const wire::Service* find_service(const wire::Snapshot& snapshot, std::string_view host) {
  for (const auto& service : snapshot.services()) {
    if (service.host() == host) {
      return &service;
    }
  }
  return nullptr;
}

// The table of an exact (domain, port, client namespace); null if there is none.
inline const wire::RouteTable* table(const wire::Snapshot& snapshot, std::string_view domain, uint32_t port,
                                     std::string_view client = "") {
  for (const auto& host : snapshot.virtual_hosts()) {
    if (host.domain() == domain && host.port() == port && host.client_namespace() == client) {
      return &snapshot.route_tables(static_cast<int>(host.route_table()));
    }
  }
  return nullptr;
}

// "10.0.0.1:80 10.0.0.2:80": the endpoints of a cluster, by its reference (1 + index).
inline std::string endpoints(const wire::Snapshot& snapshot, uint32_t cluster) {
  std::string out;
  for (const auto& endpoint : snapshot.clusters(static_cast<int>(cluster) - 1).endpoints()) {
    fl_addr raw;
    endpoint.ip().copy(reinterpret_cast<char*>(&raw), sizeof raw);
    const SocketAddress address{IpAddress(raw), static_cast<uint16_t>(endpoint.port())};
    out += (out.empty() ? "" : " ") + address.text();
  }
  return out;
}

inline std::string port_endpoints(const wire::Snapshot& snapshot, std::string_view host, uint32_t port) {
  for (const auto& candidate : find_service(snapshot, host)->ports()) {
    if (candidate.port() == port) {
      return endpoints(snapshot, candidate.cluster() + 1);
    }
  }
  return "no such port";
}

inline int count(const Compiled& compiled, std::string_view code) {
  int found = 0;
  for (const auto& message : compiled.messages) {
    found += message.code == code ? 1 : 0;
  }
  return found;
}

}  // namespace fairlead::compile
