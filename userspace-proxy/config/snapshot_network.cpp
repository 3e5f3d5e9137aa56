// The parts of a snapshot that NetworkPolicy is about.
#include "userspace-proxy/config/snapshot.pb.h"
#include "userspace-proxy/config/snapshot_builder.h"
#include "userspace-proxy/config/snapshot_values.h"

namespace fairlead::config {

Status SnapshotBuilder::add_network_policies() {
  for (int i = 0; i < wire_.network_policies_size(); ++i) {
    auto policy = policy::NetworkPolicy::build(wire_.network_policies(i));
    if (!policy) {
      return root_.at("network_policies", i).fail(wire_.network_policies(i).name() + ": " + policy.error().message());
    }
    snapshot_->network_policies_.push_back(std::move(*policy));
  }
  return {};
}

Status SnapshotBuilder::fill_network(Workload& workload, const wire::Workload& wire, const FieldPath& parent) const {
  workload.peer_class = wire.peer_class();
  for (int i = 0; i < wire.named_ports_size(); ++i) {
    const FieldPath path = parent.at("named_ports", i);
    const auto port = port_from(wire.named_ports(i).port(), path.at("port"));
    if (!port) {
      return std::unexpected(port.error());
    }
    workload.named_ports.push_back({wire.named_ports(i).name(), *port});
  }
  const auto refer = [&](const auto& indexes, std::string_view name, policy::NetworkPolicySet& set) -> Status {
    for (int i = 0; i < indexes.size(); ++i) {
      const auto policy = referred(snapshot_->network_policies_, indexes.Get(i), parent.at(name, i));
      if (!policy) {
        return std::unexpected(policy.error());
      }
      set.policies.push_back(*policy);
    }
    return {};
  };
  if (Status done = refer(wire.ingress_policies(), "ingress_policies", workload.ingress); !done) {
    return done;
  }
  return refer(wire.egress_policies(), "egress_policies", workload.egress);
}

}  // namespace fairlead::config
