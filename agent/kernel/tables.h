// What the kernel has to know, as plain maps: a pure function of the snapshot and of the listeners that exist. The same
// snapshot gives the same bytes after a restart, so that pinned maps can be adopted and only differences written.
// Value types, any thread.
#pragma once

#include "bpf/abi/policy.h"
#include "bpf/abi/workload.h"
#include "userspace-proxy/config/snapshot.h"

#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace fairlead::kernel {

// Orders plain map keys by their bytes. REQUIRES: no implicit padding (asserted in bpf/abi).
template <class K>
struct ByteLess {
  bool operator()(const K& a, const K& b) const { return std::memcmp(&a, &b, sizeof(K)) < 0; }
};

struct Tables {
  std::map<uint64_t, fl_pod> pods;  // by netns cookie
  std::map<fl_target_key, fl_target, ByteLess<fl_target_key>> targets;
  std::map<fl_backend_key, fl_backend, ByteLess<fl_backend_key>> backends;
  std::map<fl_backend_key, fl_slots, ByteLess<fl_backend_key>> slots;
  // What the kernel counts by itself: only the keys are configuration, the values are what it begins with.
  std::map<uint64_t, uint64_t> turns;  // by set
  std::map<fl_sockaddr, fl_load, ByteLess<fl_sockaddr>> loads;
  std::map<fl_policy_key, fl_verdict, ByteLess<fl_policy_key>> policy;
  std::map<fl_ip_class_key, uint32_t, ByteLess<fl_ip_class_key>> ip_classes;
  // What is there is allowed; the value says nothing.
  std::map<fl_network_key, uint32_t, ByteLess<fl_network_key>> network;
  // What the number in a verdict means; not in the kernel. A hash of the name: it does not move when policies come and
  // go.
  std::map<uint32_t, std::string> policy_names;
};

// Ports of a pod's outbound listeners for new connections, in the mode the pod is in. 0: none.
struct OutboundPorts {
  uint16_t v4 = 0, v6 = 0;  // host order
};

// `ports`: by netns cookie.
//
// Policy sets hold verdicts for the identities of this node's meshed pods, the only ones that can be attested here, and
// for none; they are named by the hash of all that, so a set never changes while a pod refers to it. TCP facts only: a
// rule that needs HTTP is taken as Istio takes it on TCP. Costs (identities x blocks x ports x policies) evaluations
// per set.
Tables make_tables(const config::Snapshot& snapshot, const std::map<uint64_t, OutboundPorts>& ports);

}  // namespace fairlead::kernel
