// NetworkPolicy (networking.k8s.io/v1), compiled: which TCP connections may be opened, a pure function of (policies,
// facts). Used by the proxy where it opens a connection, and by the agent to fill the kernel's table.
//
// Semantics: kubernetes.io/docs/concepts/services-networking/network-policies. Rules only allow; the policies of a
// workload and direction add up; a workload without one is not isolated in that direction. A peer that is a pod is
// known by its class (snapshot.proto, Workload.peer_class) and by its address: an ipBlock takes pods too. Thread:
// immutable after build, any.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace fairlead::config::wire {
class NetworkPolicy;
}

namespace fairlead::policy {

struct NamedPort {
  std::string name;
  uint16_t port = 0;
};

enum class Direction : uint8_t { kIngress, kEgress };

// One connection, seen from the workload whose policies are asked. References live as long as the call.
struct NetworkFacts {
  uint32_t peer_class = 0;  // of the pod at the other end; 0: no pod that a selector takes
  IpAddress peer_ip;
  uint16_t port = 0;                           // of the destination
  std::span<const NamedPort> port_names = {};  // of the destination pod
};

struct PortRange {
  uint16_t first = 0, last = 0;
  std::string name;  // not empty: instead of the numbers
};

struct NetworkBlock {
  Cidr block;
  std::vector<Cidr> except;
};

struct NetworkRule {
  bool any_peer = false, any_port = false;
  std::set<uint32_t> peer_classes;
  std::vector<NetworkBlock> blocks;
  std::vector<PortRange> ports;

  // As everybody, or by one of the blocks.
  [[nodiscard]] bool takes_address(const IpAddress& ip) const;
  [[nodiscard]] bool allows(const NetworkFacts& facts) const;
};

class NetworkPolicy {
 public:
  // An error names the field ("ingress[0].blocks[1].cidr: ...").
  static Result<std::unique_ptr<NetworkPolicy>> build(const config::wire::NetworkPolicy& wire);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<NetworkRule>& rules(Direction direction) const {
    return direction == Direction::kIngress ? ingress_ : egress_;
  }

 private:
  NetworkPolicy() = default;

  std::string name_;
  std::vector<NetworkRule> ingress_, egress_;
};

// The policies that isolate one workload in one direction. Refers to policies that outlive it.
struct NetworkPolicySet {
  Direction direction = Direction::kIngress;
  std::vector<const NetworkPolicy*> policies;

  // The policy that allows it; where none does, the first, which stands for all that isolate. Null: not isolated.
  struct Decision {
    bool allowed = true;
    const NetworkPolicy* policy = nullptr;
  };
  [[nodiscard]] Decision decide(const NetworkFacts& facts) const;
};

}  // namespace fairlead::policy
