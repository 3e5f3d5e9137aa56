#include "agent/compile/peer_authentication.h"

#include "agent/compile/names.h"

#include <fmt/format.h>

#include <string_view>

namespace fairlead::compile {
namespace {

using Policy = model::PeerAuthentication;
using Mode = Policy::Mode;

// As a principal: whoever has an identity.
constexpr std::string_view kAnyone = "*";

struct Levels {
  const Policy* workload = nullptr;
  const Policy* ns = nullptr;
  const Policy* mesh = nullptr;
};

void keep_older(const Policy*& kept, const Policy* candidate) {
  if (kept == nullptr || older(candidate->meta, kept->meta)) {
    kept = candidate;
  }
}

Levels levels_of(const std::vector<const Policy*>& policies, const model::Pod& pod, const std::string& root) {
  Levels levels;
  for (const Policy* policy : policies) {
    // A selector without labels selects the whole namespace (istiod: GetPeerAuthenticationsForWorkload).
    const bool whole_namespace = !policy->selector || policy->selector->empty();
    if (whole_namespace && policy->meta.ns == root) {
      keep_older(levels.mesh, policy);
    }
    if (policy->meta.ns != pod.meta.ns) {
      continue;
    }
    if (whole_namespace) {
      keep_older(levels.ns, policy);
    } else if (selects(*policy->selector, pod.meta.labels)) {
      keep_older(levels.workload, policy);
    }
  }
  return levels;
}

}  // namespace

EffectiveMode effective_mode(const std::vector<const Policy*>& policies, const model::Pod& pod,
                             const std::string& root) {
  const Levels levels = levels_of(policies, pod, root);
  EffectiveMode effective;
  for (const Policy* level : {levels.workload, levels.ns, levels.mesh}) {
    if (level != nullptr && level->mode != Mode::kUnset) {
      effective.mode = level->mode;
      effective.source = level;
      break;
    }
  }
  if (levels.workload != nullptr) {
    for (const auto& [port, mode] : levels.workload->port_modes) {
      if (mode != Mode::kUnset && mode != effective.mode) {
        effective.ports.emplace(port, mode);
        effective.source = levels.workload;
      }
    }
  }
  return effective;
}

std::optional<config::wire::Policy> strict_policy(const EffectiveMode& mode) {
  config::wire::Operation operation;
  for (const auto& [port, port_mode] : mode.ports) {
    if (mode.mode == Mode::kStrict && port_mode != Mode::kStrict) {
      operation.add_not_ports(std::to_string(port));
    } else if (mode.mode != Mode::kStrict && port_mode == Mode::kStrict) {
      operation.add_ports(std::to_string(port));
    }
  }
  if (mode.source == nullptr || (mode.mode != Mode::kStrict && operation.ports().empty())) {
    return std::nullopt;
  }
  config::wire::Policy policy;
  policy.set_name(fmt::format("PeerAuthentication/{}/{}", mode.source->meta.ns, mode.source->meta.name));
  policy.set_namespace_(mode.source->meta.ns);
  policy.set_action(config::wire::Policy::DENY);
  config::wire::Rule& rule = *policy.add_rules();
  rule.add_from()->add_not_principals(std::string(kAnyone));
  if (operation.ports_size() + operation.not_ports_size() != 0) {
    *rule.add_to() = std::move(operation);
  }
  return policy;
}

}  // namespace fairlead::compile
