#include "agent/kernel/tables.h"

#include "agent/kernel/balance_tables.h"
#include "agent/kernel/network_tables.h"
#include "agent/kernel/policy_tables.h"
#include "userspace-proxy/base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace fairlead::kernel {
namespace {

using config::Protocol;
using config::Snapshot;
using config::Workload;

fl_protocol pod_protocol(const config::WorkloadPort& port) {
  if (port.refuse_opaque) {
    return FL_PROTOCOL_DENY;
  }
  return port.protocol == Protocol::kHttp ? FL_PROTOCOL_HTTP : FL_PROTOCOL_TCP;
}

fl_target_key target_key(const IpAddress& ip, uint16_t port) { return {.ip = ip.raw(), .port = htons(port), .pad = 0}; }

fl_target plain_target(fl_target_kind kind) {
  return {.owner = 0,
          .backends = 0,
          .count = 0,
          .peer_class = 0,
          .kind = static_cast<uint8_t>(kind),
          .protocol = FL_PROTOCOL_TCP,
          .balance = FL_BALANCE_RANDOM,
          .slot_bits = 0,
          .affinity_s = 0};
}

class TargetTables {
 public:
  TargetTables(const Snapshot& snapshot, Tables& out) : snapshot_(snapshot), out_(out), balances_(out), clients_{""} {
    for (const auto& workload : snapshot.workloads()) {
      if (is_meshed(*workload)) {
        clients_.insert(workload->ns);
      }
    }
  }

  // Pods first: an address that both a pod and a Service's externalIPs claim stays the pod's.
  void add(const Workload& workload) {
    for (const IpAddress& ip : workload.ips) {
      fl_target any = plain_target(FL_TARGET_POD);
      any.owner = owner_of(&workload);
      any.peer_class = any.owner == 0 ? workload.peer_class : 0;
      out_.targets.emplace(target_key(ip, 0), any);
      for (const config::WorkloadPort& port : workload.ports) {
        fl_target own = any;
        own.protocol = pod_protocol(port);
        // Without an entry of its own a port gets the one of port 0.
        if (own.protocol != any.protocol) {
          out_.targets.emplace(target_key(ip, port.port), own);
        }
      }
    }
  }

  void add(const config::Service& service) {
    for (size_t i = 0; i < service.vips.size(); ++i) {
      const IpAddress& vip = service.vips[i];
      const auto taken = out_.targets.find(target_key(vip, 0));
      if (vip.is_none() || vip.is_loopback() || (taken != out_.targets.end() && taken->second.kind == FL_TARGET_POD)) {
        continue;
      }
      for (const config::ServicePort& port : service.ports) {
        out_.targets.emplace(target_key(vip, port.port), service_target(vip, service, port));
      }
      // The other ports of an external address are somebody else's.
      if (i + service.external_vips < service.vips.size()) {
        out_.targets.emplace(target_key(vip, 0), plain_target(FL_TARGET_NO_PORT));
      }
    }
  }

 private:
  fl_target service_target(const IpAddress& vip, const config::Service& service, const config::ServicePort& port) {
    fl_target target = plain_target(FL_TARGET_SERVICE);
    if (port.protocol == Protocol::kHttp) {
      target.protocol = FL_PROTOCOL_HTTP;
    } else if (is_refused(service, port)) {
      target.protocol = FL_PROTOCOL_DENY;
    }
    balances_.add(*port.cluster, vip, target);
    return target;
  }

  // HTTP rules select the traffic, but not in a form that can be judged: those of a policy at one of the endpoints, or
  // those of a VirtualService that some pod of this node gets.
  [[nodiscard]] bool is_refused(const config::Service& service, const config::ServicePort& port) const {
    const bool at_endpoint = std::ranges::any_of(port.cluster->endpoints, [](const config::Endpoint& endpoint) {
      const config::WorkloadPort* own =
          endpoint.workload != nullptr ? endpoint.workload->port(endpoint.address.port) : nullptr;
      return own != nullptr && own->refuse_opaque;
    });
    return at_endpoint ||
           (port.protocol == Protocol::kHttp2 && std::ranges::any_of(clients_, [&](const std::string& client) {
              return snapshot_.find_host(service.host, port.port, client).table != nullptr;
            }));
  }

  const Snapshot& snapshot_;
  Tables& out_;
  BalanceTables balances_;
  std::set<std::string> clients_;  // namespaces of this node's callers; "" stands for any other
};

// Sets that judge a pod; 0: none.
struct Sets {
  uint32_t policy = 0, ingress = 0, egress = 0;
};

fl_pod pod_of(const Workload& workload, const OutboundPorts& ports, const Sets& sets) {
  const auto address = [&](bool v4) {
    const auto found = std::ranges::find(workload.ips, v4, &IpAddress::is_v4);
    return found != workload.ips.end() ? found->raw() : fl_addr{};
  };
  return {.ip4 = address(true),
          .ip6 = address(false),
          .identity = workload.identity.id,
          .policy_set = sets.policy,
          .peer_class = workload.peer_class,
          .ingress_set = sets.ingress,
          .egress_set = sets.egress,
          .outbound_port4 = htons(ports.v4),
          .outbound_port6 = htons(ports.v6),
          .mode = static_cast<uint8_t>(workload.mode),
          .flags = static_cast<uint8_t>(workload.accelerated ? FL_POD_ACCELERATED : 0),
          .pad = {}};
}

static_assert(static_cast<int>(config::Mode::kOff) == FL_MODE_OFF &&
              static_cast<int>(config::Mode::kNode) == FL_MODE_NODE &&
              static_cast<int>(config::Mode::kSidecar) == FL_MODE_SIDECAR);

}  // namespace

Tables make_tables(const Snapshot& snapshot, const std::map<uint64_t, OutboundPorts>& ports) {
  Tables tables;
  std::set<uint32_t> set_numbers;
  PolicyTables policies(snapshot, set_numbers, tables);
  NetworkTables networks(snapshot, set_numbers, tables);
  TargetTables targets(snapshot, tables);
  for (const auto& workload : snapshot.workloads()) {
    targets.add(*workload);
    if (workload->netns == 0) {
      continue;
    }
    const auto listeners = ports.find(workload->netns);
    const Sets sets = is_meshed(*workload) ? Sets{.policy = policies.set_for(*workload),
                                                  .ingress = networks.set_for(*workload, policy::Direction::kIngress),
                                                  .egress = networks.set_for(*workload, policy::Direction::kEgress)}
                                           : Sets();
    tables.pods.emplace(workload->netns,
                        pod_of(*workload, listeners != ports.end() ? listeners->second : OutboundPorts(), sets));
  }
  for (const auto& service : snapshot.services()) {
    targets.add(*service);
  }
  return tables;
}

}  // namespace fairlead::kernel
