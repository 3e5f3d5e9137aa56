// L4 policy as verdicts (bpf/abi/policy.h): policy sets and classes of source addresses. Part of make_tables.
#pragma once

#include "agent/kernel/ip_classes.h"
#include "agent/kernel/tables.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::kernel {

// Served by this node: known as a caller, judged as a destination.
inline bool is_meshed(const config::Workload& workload) {
  return workload.netns != 0 && workload.mode != config::Mode::kOff;
}

// Cookie of the pod's namespace; 0 for what this node does not serve.
inline uint64_t owner_of(const config::Workload* workload) {
  return workload != nullptr && is_meshed(*workload) ? workload->netns : 0;
}

// What a table of verdicts tells apart, for one list of policies.
struct Dimensions {
  std::vector<IpClass> classes;
  std::vector<uint16_t> ports;  // those that a rule names, in order
  uint16_t other_port = 1;      // one that no rule names
};

// The verdicts of one list of policies, not yet named.
struct Verdicts {
  Dimensions dimensions;
  std::map<fl_policy_key, fl_verdict, ByteLess<fl_policy_key>> entries;  // policy_set is 0

  [[nodiscard]] uint32_t content() const;
  [[nodiscard]] bool operator==(const Verdicts& other) const;
};

// Fills a table's policy, ip_classes and policy_names. Refers to both while it lives.
class PolicyTables {
 public:
  // `set_numbers`: those in use, shared with everybody who numbers sets.
  PolicyTables(const config::Snapshot& snapshot, std::set<uint32_t>& set_numbers, Tables& out);

  // Number of the set that judges what arrives at `workload`; 0: no policy applies.
  uint32_t set_for(const config::Workload& workload);

 private:
  using Addresses = std::vector<IpAddress>;

  [[nodiscard]] Verdicts evaluate(const policy::PolicySet& set, const Addresses& destinations) const;
  // A pod has one set for all its addresses: where they differ, what is refused at one is refused at all.
  [[nodiscard]] fl_verdict judge(const policy::PolicySet& set, policy::Facts facts,
                                 const Addresses& destinations) const;
  uint32_t write(const Verdicts& verdicts);

  Tables& out_;
  std::map<uint32_t, const policy::Identity*> identities_;  // 0: nobody
  std::map<std::string, uint32_t> numbers_;                 // of policies, by name
  std::map<std::pair<std::vector<const policy::Policy*>, Addresses>, uint32_t> sets_;
  std::multimap<uint32_t, std::pair<uint32_t, Verdicts>> by_content_;  // content -> set number, contents
  std::set<uint32_t>& set_numbers_;
};

}  // namespace fairlead::kernel
