#include "agent/workload/wanted.h"

namespace fairlead::workload {

static_assert(static_cast<int>(config::Mode::kOff) == FL_MODE_OFF &&
              static_cast<int>(config::Mode::kNode) == FL_MODE_NODE &&
              static_cast<int>(config::Mode::kSidecar) == FL_MODE_SIDECAR);

fl_mode to_kernel(config::Mode mode) { return static_cast<fl_mode>(mode); }
config::Mode from_kernel(fl_mode mode) { return static_cast<config::Mode>(mode); }

std::vector<WantedPod> wanted_pods(const model::ObjectSet& objects, const NodeView& node) {
  std::map<std::string_view, const model::Namespace*> namespaces;
  for (const model::Namespace* ns : objects.all<model::Namespace>()) {
    namespaces.emplace(ns->meta.name, ns);
  }
  std::vector<WantedPod> wanted;
  for (const model::Pod* pod : objects.all<model::Pod>()) {
    const bool here = pod->node_name.empty() || pod->node_name == node.node_name;
    if (!here || pod->netns_path.empty() || pod->host_network) {
      continue;
    }
    const auto ns = namespaces.find(pod->meta.ns);
    const model::Namespace* const of = ns == namespaces.end() ? nullptr : ns->second;
    const compile::ModeDecision decision = compile::decide_mode(*pod, of, node.overrides, node.default_mode);
    wanted.push_back({.uid = pod->meta.ns + "/" + pod->meta.name,
                      .netns_path = pod->netns_path,
                      .ips = pod->ips,
                      .mode = to_kernel(decision.mode),
                      .mode_reason = decision.reason,
                      .acceleration = compile::decide_acceleration(*pod, of, node.acceleration),
                      .netns_origin = pod->netns_origin});
  }
  return wanted;
}

}  // namespace fairlead::workload
