#include "agent/api/config_dump.h"

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/config/snapshot.pb.h"

#include <nlohmann/json.hpp>

#include <string>

namespace fairlead::api {
namespace {

using nlohmann::json;
namespace wire = config::wire;

std::string ip_text(const std::string& bytes) {
  fl_addr raw{};
  bytes.copy(reinterpret_cast<char*>(&raw), sizeof raw);
  return IpAddress(raw).text();
}

template <class List, class Function>
json map_list(const List& list, Function function) {
  json out = json::array();
  for (const auto& item : list) {
    out.push_back(function(item));
  }
  return out;
}

template <class List>
std::string name_at(const List& list, uint32_t index) {
  return index < static_cast<uint32_t>(list.size()) ? list[static_cast<int>(index)].name() : "?";
}

const char* protocol_text(wire::Protocol protocol) {
  switch (protocol) {
    case wire::HTTP:
      return "http";
    case wire::HTTP2:
      return "http2";
    case wire::UNDECLARED:
      return "undeclared";
    default:
      return "tcp";
  }
}

const char* mode_text(wire::Mode mode) {
  switch (mode) {
    case wire::NODE:
      return "node";
    case wire::SIDECAR:
      return "sidecar";
    default:
      return "off";
  }
}

json workload_json(const wire::Snapshot& snapshot, const wire::Workload& workload) {
  const bool known = workload.netns() != 0 && workload.identity() < static_cast<uint32_t>(snapshot.identities_size());
  return {
      {"uid", workload.uid()},
      {"mode", mode_text(workload.mode())},
      {"netns_cookie", workload.netns()},
      {"identity", known ? json(snapshot.identities(static_cast<int>(workload.identity())).spiffe()) : json(nullptr)},
      {"ips", map_list(workload.ips(), ip_text)},
      {"ports", map_list(workload.ports(),
                         [](const wire::WorkloadPort& port) {
                           return json{{"port", port.port()}, {"protocol", protocol_text(port.protocol())}};
                         })},
      {"policies", map_list(workload.policies(), [&](uint32_t index) { return name_at(snapshot.policies(), index); })}};
}

json service_json(const wire::Snapshot& snapshot, const wire::Service& service) {
  return {{"host", service.host()},
          {"headless", service.headless()},
          {"addresses", map_list(service.vips(), ip_text)},
          {"ports", map_list(service.ports(), [&](const wire::ServicePort& port) {
             return json{{"port", port.port()},
                         {"name", port.name()},
                         {"protocol", protocol_text(port.protocol())},
                         {"cluster", name_at(snapshot.clusters(), port.cluster())}};
           })}};
}

json cluster_json(const wire::Cluster& cluster) {
  return {
      {"name", cluster.name()},
      {"original_destination", cluster.original_destination()},
      {"connect_timeout_ms", cluster.connect_timeout_ms()},
      {"endpoints", map_list(cluster.endpoints(), [](const wire::Endpoint& endpoint) {
         return SocketAddress{*IpAddress::parse(ip_text(endpoint.ip())), static_cast<uint16_t>(endpoint.port())}.text();
       })}};
}

json route_json(const wire::Snapshot& snapshot, const wire::Route& route) {
  json out = {{"name", route.name()}, {"matches", route.matches_size()}};
  if (route.has_forward()) {
    out["forward"] = map_list(route.forward().clusters(), [&](const wire::WeightedCluster& weighted) {
      return json{{"weight", weighted.weight()},
                  {"cluster", weighted.cluster() == 0 ? json(nullptr)
                                                      : json(name_at(snapshot.clusters(), weighted.cluster() - 1))}};
    });
  } else if (route.has_direct_response()) {
    out["direct_response"] = route.direct_response().status();
  } else if (route.has_redirect()) {
    out["redirect"] = route.redirect().status();
  }
  return out;
}

}  // namespace

json config_dump_json(std::string_view bytes) {
  wire::Snapshot snapshot;
  if (!snapshot.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return json::object();
  }
  return {
      {"node", snapshot.node_name()},
      {"trust_domain", snapshot.trust_domain()},
      {"workloads", map_list(snapshot.workloads(), [&](const auto& item) { return workload_json(snapshot, item); })},
      {"services", map_list(snapshot.services(), [&](const auto& item) { return service_json(snapshot, item); })},
      {"clusters", map_list(snapshot.clusters(), cluster_json)},
      {"virtual_hosts", map_list(snapshot.virtual_hosts(),
                                 [&](const wire::VirtualHost& host) {
                                   return json{{"domain", host.domain()},
                                               {"port", host.port()},
                                               {"client_namespace", host.client_namespace()},
                                               {"routes", name_at(snapshot.route_tables(), host.route_table())}};
                                 })},
      {"route_tables", map_list(snapshot.route_tables(),
                                [&](const wire::RouteTable& table) {
                                  return json{{"name", table.name()},
                                              {"routes", map_list(table.routes(), [&](const auto& route) {
                                                 return route_json(snapshot, route);
                                               })}};
                                })},
      {"policies", map_list(snapshot.policies(), [](const wire::Policy& policy) {
         return json{{"name", policy.name()},
                     {"action", policy.action() == wire::Policy::DENY ? "DENY" : "ALLOW"},
                     {"rules", policy.rules_size()},
                     {"dry_run", policy.dry_run()}};
       })}};
}

}  // namespace fairlead::api
