// A snapshot in wire form, built up the way the agent does it. Every call returns the index of what it added.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/config/snapshot.pb.h"

#include <string>
#include <utility>
#include <vector>

namespace fairlead::test {

inline std::string ip_bytes(std::string_view text) {
  const auto ip = IpAddress::parse(text).value();
  return {reinterpret_cast<const char*>(ip.bytes().data()), ip.bytes().size()};
}

struct ServiceSpec {
  std::vector<uint32_t> ports = {80};
  std::vector<std::string> vips = {};
  bool headless = false;
};

struct VirtualHostSpec {
  std::string domain;
  uint32_t table = 0;
  uint32_t port = 0;
  std::string client_namespace = {};
};

class SnapshotWire {
 public:
  uint32_t identity(const std::string& ns, const std::string& account) {
    auto* identity = wire.add_identities();
    identity->set_id(100 + wire.identities_size());
    identity->set_spiffe("spiffe://cluster.local/ns/" + ns + "/sa/" + account);
    identity->set_namespace_(ns);
    identity->set_service_account(account);
    return wire.identities_size() - 1;
  }

  uint32_t workload(const std::string& ns, const std::string& name, const std::string& ip, uint64_t netns = 0) {
    if (wire.identities_size() == 0) {
      identity("shop", "client");
    }
    auto* workload = wire.add_workloads();
    workload->set_uid(ns + "/" + name);
    workload->set_namespace_(ns);
    workload->set_name(name);
    workload->add_ips(ip_bytes(ip));
    workload->set_netns(netns);
    return wire.workloads_size() - 1;
  }

  // A Kubernetes service; each port has a cluster of its own.
  uint32_t service(const std::string& ns, const std::string& name, const ServiceSpec& spec = {}) {
    return host(name + "." + ns + ".svc.cluster.local", ns, name, spec);
  }

  // A ServiceEntry's host.
  uint32_t entry(const std::string& host_name, const std::string& ns, const ServiceSpec& spec = {}) {
    return host(host_name, ns, host_name, spec);
  }

  void endpoint(uint32_t cluster, const std::string& ip, uint32_t port, uint32_t workload_reference = 0) {
    auto* endpoint = wire.mutable_clusters(static_cast<int>(cluster))->add_endpoints();
    endpoint->set_ip(ip_bytes(ip));
    endpoint->set_port(port);
    endpoint->set_workload(workload_reference);
  }

  uint32_t table(const std::string& name, const std::vector<config::wire::Route>& routes = {}) {
    auto* table = wire.add_route_tables();
    table->set_name(name);
    for (const auto& route : routes) {
      *table->add_routes() = route;
    }
    return wire.route_tables_size() - 1;
  }

  uint32_t virtual_host(const VirtualHostSpec& spec) {
    auto* host = wire.add_virtual_hosts();
    host->set_domain(spec.domain);
    host->set_route_table(spec.table);
    host->set_port(spec.port);
    host->set_client_namespace(spec.client_namespace);
    return wire.virtual_hosts_size() - 1;
  }

  config::wire::Snapshot wire;

 private:
  uint32_t host(const std::string& host_name, const std::string& ns, const std::string& name, const ServiceSpec& spec) {
    auto* service = wire.add_services();
    service->set_host(host_name);
    service->set_namespace_(ns);
    service->set_name(name);
    service->set_headless(spec.headless);
    for (const auto& vip : spec.vips) {
      service->add_vips(ip_bytes(vip));
    }
    for (const uint32_t number : spec.ports) {
      auto* cluster = wire.add_clusters();
      cluster->set_name("outbound|" + std::to_string(number) + "||" + host_name);
      cluster->set_service(wire.services_size());
      auto* port = service->add_ports();
      port->set_port(number);
      port->set_protocol(config::wire::HTTP);
      port->set_cluster(wire.clusters_size() - 1);
    }
    return wire.services_size() - 1;
  }
};

}  // namespace fairlead::test
