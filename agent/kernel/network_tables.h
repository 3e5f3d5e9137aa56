// Network policies as what they allow (bpf/abi/policy.h): for one set of policies and direction, the ports for each
// class of pods and of addresses. Part of make_tables.
#pragma once

#include "agent/kernel/ip_classes.h"
#include "agent/kernel/tables.h"

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace fairlead::kernel {

// Fills a table's network and ip_classes. Refers to its arguments while it lives.
class NetworkTables {
 public:
  // `set_numbers`: those in use, shared with everybody who numbers sets.
  NetworkTables(const config::Snapshot& snapshot, std::set<uint32_t>& set_numbers, Tables& out);

  // Number of the set of the policies that isolate `workload` in that direction; 0: none does.
  uint32_t set_for(const config::Workload& workload, policy::Direction direction);

 private:
  struct Ports {
    uint16_t first = 0, last = 0;
    auto operator<=>(const Ports&) const = default;
  };
  struct Peer {
    fl_peer_kind kind;
    uint32_t peer;
    auto operator<=>(const Peer&) const = default;
  };
  struct Contents {
    std::vector<std::pair<Cidr, uint32_t>> blocks;  // and their classes
    std::map<Peer, std::vector<Ports>> allowed;     // neither overlapping nor adjacent, in order
    auto operator<=>(const Contents&) const = default;
  };
  using Rules = std::vector<const policy::NetworkRule*>;

  [[nodiscard]] Contents contents_of(const config::Workload& workload, const policy::NetworkPolicySet& set) const;
  // Of the rules that take a peer; `names`: of the destination pod's ports.
  static std::vector<Ports> ports_of(const Rules& rules, const std::vector<policy::NamedPort>& names);
  uint32_t write(const Contents& contents);

  std::map<uint32_t, const config::Workload*> classes_;  // one pod of each
  std::set<uint32_t>& set_numbers_;
  Tables& out_;
  std::map<Contents, uint32_t> numbers_;
};

}  // namespace fairlead::kernel
