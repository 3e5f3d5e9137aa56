#include "agent/compile/routes.h"

#include "agent/compile/names.h"
#include "agent/compile/rules.h"
#include "agent/compile/wire_bytes.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::compile {
namespace {

namespace wire = config::wire;

constexpr std::string_view kKind = "VirtualService";

bool is_http(config::Protocol protocol) {
  return protocol == config::Protocol::kHttp || protocol == config::Protocol::kHttp2;
}

// The port of `service` that a destination means: the one it names, else the only one, else the one that was dialled.
std::optional<size_t> destination_port(const ServiceEntry& service, uint16_t named, uint16_t dialled) {
  if (named == 0 && service.ports.size() == 1) {
    return service.ports.front().declared ? std::optional<size_t>(0) : std::nullopt;
  }
  const uint16_t wanted = named != 0 ? named : dialled;
  for (size_t i = 0; i < service.ports.size(); ++i) {
    if (service.ports[i].declared && service.ports[i].spec->port == wanted) {
      return i;
    }
  }
  return std::nullopt;
}

std::string destination_text(const model::Destination& destination) {
  std::string text = destination.host;
  if (!destination.subset.empty()) {
    text += fmt::format(", subset {}", destination.subset);
  }
  if (destination.port != 0) {
    text += fmt::format(", port {}", destination.port);
  }
  return text;
}

}  // namespace

// HTTP/2 ports have virtual hosts too: they show the kernel's tables that a rule selects such traffic.
void Routes::compile() {
  for (size_t s = 0; s < in_.registry.services().size(); ++s) {
    const ServiceEntry& service = in_.registry.services()[s];
    std::set<uint16_t> ports;
    for (size_t p = 0; p < service.ports.size(); ++p) {
      if (is_http(in_.protocols.services[s][p])) {
        ports.insert(service.ports[p].spec->port);
      }
    }
    compile_host(service.host, ports);
  }
  for (const std::string& host : in_.virtual_services.foreign_hosts(in_.registry)) {
    compile_host(host, distinguished_ports(host));
  }
}

void Routes::compile_host(const std::string& host, const std::set<uint16_t>& ports) {
  const auto general = tables_for(host, ports, "");
  add_virtual_hosts(host, "", general);
  for (const std::string& client : client_namespaces(host)) {
    // All ports or none: what names a client goes before what names a port, so that a namespace's entry for "any port"
    // would hide the general one for this port.
    if (const auto own = tables_for(host, ports, client); own != general) {
      add_virtual_hosts(host, client, own);
    }
  }
}

Routes::PortTables Routes::tables_for(const std::string& host, const std::set<uint16_t>& ports,
                                      const std::string& client) {
  PortTables tables;
  for (const uint16_t port : ports) {
    if (const BoundHost* owner = in_.virtual_services.owner(host, port, client)) {
      tables.emplace(port, table({*owner->object, port, client}));
    }
  }
  return tables;
}

void Routes::add_virtual_hosts(const std::string& domain, const std::string& client, const PortTables& tables) {
  for (const auto& [port, table] : tables) {
    const auto [found, fresh] = interned_.emplace(table, out_.route_tables_size());
    if (fresh) {
      out_.add_route_tables()->ParseFromString(table);
    }
    wire::VirtualHost& host = *out_.add_virtual_hosts();
    host.set_domain(domain);
    host.set_port(port);
    host.set_client_namespace(client);
    host.set_route_table(found->second);
  }
}

// Namespaces for which the rules of a host may come out differently: those that an exportTo names, and those that have
// a DestinationRule of their own for a destination.
std::set<std::string> Routes::client_namespaces(const std::string& host) const {
  std::set<std::string> names;
  std::set<std::string> destinations;
  for (const BoundHost* bound : in_.virtual_services.candidates(host)) {
    for (std::string& name : named_namespaces(bound->object->export_to, bound->object->meta.ns)) {
      names.insert(std::move(name));
    }
    for (const model::HttpRoute& rule : bound->object->http) {
      for (const model::HttpRouteDestination& destination : rule.destinations) {
        destinations.insert(
            expand_host(destination.destination.host, bound->object->meta.ns, in_.inputs.cluster_domain));
      }
    }
  }
  for (const std::string& destination : destinations) {
    for (std::string& name : in_.destination_rules.client_namespaces(destination)) {
      names.insert(std::move(name));
    }
  }
  return names;
}

// For a host that is no service any port may be dialled: 0 stands for all those between which no rule distinguishes.
std::set<uint16_t> Routes::distinguished_ports(const std::string& host) const {
  std::set<uint16_t> ports = {0};
  for (const BoundHost* bound : in_.virtual_services.candidates(host)) {
    for (const model::HttpRoute& rule : bound->object->http) {
      for (const model::HttpMatch& match : rule.matches) {
        ports.insert(match.port);
      }
      for (const model::HttpRouteDestination& destination : rule.destinations) {
        const auto service = service_of(destination.destination, *bound->object);
        if (!service || destination.destination.port != 0) {
          continue;
        }
        for (const ServicePortEntry& port : in_.registry.services()[*service].ports) {
          ports.insert(port.spec->port);
        }
      }
    }
  }
  return ports;
}

std::optional<size_t> Routes::service_of(const model::Destination& destination,
                                         const model::VirtualService& object) const {
  return in_.registry.find(expand_host(destination.host, object.meta.ns, in_.inputs.cluster_domain));
}

std::string Routes::table(const View& view) {
  wire::RouteTable table;
  table.set_name(fmt::format("{}/{}/{}", kKind, view.object.meta.ns, view.object.meta.name));
  for (const model::HttpRoute& rule : view.object.http) {
    if (!rule_applies(rule, view.port)) {
      continue;
    }
    bool last = false;
    for (wire::Route& route : rule_to_wire(rule, view.port)) {
      if (route.action_case() == wire::Route::ACTION_NOT_SET) {
        forward(rule, view, *route.mutable_forward());
      }
      last = is_catch_all(route);
      *table.add_routes() = std::move(route);
      if (last) {
        break;
      }
    }
    if (last) {
      break;
    }
  }
  return deterministic_bytes(table);
}

void Routes::forward(const model::HttpRoute& rule, const View& view, wire::ForwardAction& out) {
  const bool alone = rule.destinations.size() == 1;
  for (const model::HttpRouteDestination& destination : rule.destinations) {
    if (!alone && destination.weight == 0) {
      continue;
    }
    wire::WeightedCluster& weighted = *out.add_clusters();
    weighted.set_weight(alone ? 1 : destination.weight);
    weighted.set_cluster(cluster(destination.destination, view));
    *weighted.mutable_request_headers() = operations_to_wire(destination.headers.request);
    *weighted.mutable_response_headers() = operations_to_wire(destination.headers.response);
  }
  if (out.clusters().empty()) {
    out.add_clusters()->set_weight(1);  // validation refuses such a rule; if one comes, it answers 503
  }
}

uint32_t Routes::cluster(const model::Destination& destination, const View& view) {
  const auto complain = [&](std::string_view what) {
    messages_.add(
        code::kNoDestination, model::Severity::kWarning, {kKind, view.object.meta},
        fmt::format("destination {}: {}; requests sent there are answered 503", destination_text(destination), what));
    return 0U;
  };
  const auto service = service_of(destination, view.object);
  if (!service) {
    return complain("no Service has that host");
  }
  const ServiceEntry& entry = in_.registry.services()[*service];
  const auto port = destination_port(entry, destination.port, view.port);
  if (!port) {
    return complain(destination.port != 0 ? "the Service has no such TCP port"
                                          : "the Service has several ports, none of them the one dialled; name one");
  }
  const DestinationSettings settings = in_.destination_rules.find(entry.host, entry.service->meta.ns, view.client);
  const model::Subset* subset = nullptr;
  if (!destination.subset.empty()) {
    subset = settings.subset(destination.subset);
    if (subset == nullptr) {
      return complain("no DestinationRule for that host has the subset");
    }
  }
  return 1 + clusters_.get({*service, *port, subset, settings.connect_timeout, settings.load_balancer});
}

}  // namespace fairlead::compile
