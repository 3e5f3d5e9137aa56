// NetworkPolicy: which of them isolate a pod, and whom their peers select, in the snapshot's form. TCP only: what a
// rule says of other protocols is no business of this mesh. One compilation, one thread.
#pragma once

#include "agent/compile/registry.h"

#include <cstdint>
#include <vector>

namespace fairlead::compile {

struct NetworkPolicies {
  struct OfPod {
    uint32_t peer_class = 0;
    std::vector<uint32_t> ingress, egress;  // indexes of `list`
  };
  std::vector<config::wire::NetworkPolicy> list;  // those that isolate a meshed pod of this node
  std::vector<OfPod> by_pod;                      // as the registry counts pods
};

NetworkPolicies compile_network_policies(const Inputs& inputs, const Registry& registry);

}  // namespace fairlead::compile
