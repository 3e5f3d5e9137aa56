// AuthorizationPolicy and PeerAuthentication: which of them apply to what arrives at a pod, in the snapshot's form.
// One compilation, one thread.
#pragma once

#include "agent/compile/registry.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fairlead::compile {

struct Policies {
  // Only those that apply to a pod of this node; each content once.
  std::vector<config::wire::Policy> list;
  std::vector<std::string> objects;           // by policy: "AuthorizationPolicy/shop/web"
  std::vector<std::vector<uint32_t>> by_pod;  // as the registry counts pods; empty unless the pod is meshed here
};

Policies compile_policies(const Inputs& inputs, const Registry& registry, Messages& messages);

// The object's rules in the snapshot's form. CUSTOM asks an external authoriser, and there is none yet: what it selects
// is refused, as a DENY with the same rules. REQUIRES: the action is not AUDIT.
config::wire::Policy to_wire(const model::AuthorizationPolicy& policy);

// Some rule that can match on `port` looks at HTTP facts. Dry runs decide nothing and do not count.
bool selects_http(const config::wire::Policy& policy, uint16_t port);

}  // namespace fairlead::compile
