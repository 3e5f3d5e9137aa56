// PeerAuthentication: the mode in force for each port of a pod. Pure, any thread.
// Source: istio.io/latest/docs/reference/config/security/peer_authentication.
#pragma once

#include "agent/model/objects.h"
#include "userspace-proxy/config/snapshot.pb.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::compile {

struct EffectiveMode {
  model::PeerAuthentication::Mode mode = model::PeerAuthentication::Mode::kPermissive;
  std::map<uint16_t, model::PeerAuthentication::Mode> ports;  // those that differ from `mode`; never kUnset
  const model::PeerAuthentication* source = nullptr;          // what decided, the narrowest; null: the default
};

// Workload before namespace before root namespace; of one level the oldest; UNSET takes the next wider level.
// `root` is the root namespace. A policy with selector stays inside its own namespace, also in the root.
EffectiveMode effective_mode(const std::vector<const model::PeerAuthentication*>& policies, const model::Pod& pod,
                             const std::string& root);

// STRICT, as a policy: without mTLS, a caller that has no kernel-attested identity is plaintext from somewhere else,
// and is refused. nullopt: nothing is STRICT.
std::optional<config::wire::Policy> strict_policy(const EffectiveMode& mode);

}  // namespace fairlead::compile
