#include "userspace-proxy/plan/network.h"

#include <algorithm>

namespace fairlead::plan {
namespace {

NetworkDecision from(const policy::NetworkPolicySet& set, const policy::NetworkFacts& facts) {
  const auto decision = set.decide(facts);
  return {.allowed = decision.allowed, .policy = decision.policy, .direction = set.direction};
}

// Port names are of pods that a policy can select.
std::span<const policy::NamedPort> names_of(const config::Workload* workload) {
  return workload != nullptr && workload->peer_class != 0 ? std::span<const policy::NamedPort>(workload->named_ports)
                                                          : std::span<const policy::NamedPort>();
}

}  // namespace

NetworkDecision judge_network(const config::Workload& source, const config::Workload* destination,
                              const SocketAddress& endpoint) {
  if (destination == &source) {
    return {};
  }
  if (!source.egress.policies.empty()) {
    const NetworkDecision out = from(source.egress, {.peer_class = destination != nullptr ? destination->peer_class : 0,
                                                     .peer_ip = endpoint.ip,
                                                     .port = endpoint.port,
                                                     .port_names = names_of(destination)});
    if (!out.allowed) {
      return out;
    }
  }
  if (destination == nullptr || destination->ingress.policies.empty()) {
    return {};
  }
  const auto own = std::ranges::find(source.ips, endpoint.ip.is_v4(), &IpAddress::is_v4);
  return from(destination->ingress, {.peer_class = source.peer_class,
                                     .peer_ip = own != source.ips.end() ? *own : IpAddress(),
                                     .port = endpoint.port,
                                     .port_names = names_of(destination)});
}

NetworkDecision judge_network_arrival(const config::Snapshot& snapshot, const IpAddress& caller,
                                      const config::Workload& destination, const SocketAddress& endpoint) {
  if (destination.ingress.policies.empty()) {
    return {};
  }
  const config::Workload* const pod = snapshot.workload_by_ip(caller);
  const bool is_ours = pod != nullptr && pod->netns != 0 && pod->mode != config::Mode::kOff;
  return from(destination.ingress, {.peer_class = pod != nullptr && !is_ours ? pod->peer_class : 0,
                                    .peer_ip = caller,
                                    .port = endpoint.port,
                                    .port_names = names_of(&destination)});
}

}  // namespace fairlead::plan
