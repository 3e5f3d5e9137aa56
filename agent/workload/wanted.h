// Which pods of the configuration this node serves, and in which mode: objects -> WantedPod. Pure, any thread.
#pragma once

#include "agent/compile/mode.h"
#include "agent/model/objects.h"
#include "agent/workload/registry.h"

#include <string>
#include <vector>

namespace fairlead::workload {

struct NodeView {
  std::string node_name;
  config::Mode default_mode = config::Mode::kNode;
  compile::ModeOverrides overrides;
  compile::Acceleration acceleration = compile::Acceleration::kFalse;  // of pods that say nothing
};

// Pods of this node (a Pod without nodeName is this node's: the directory has no scheduler) that name a network
// namespace. Terminating ones too: they are governed until their namespace goes. Not those with hostNetwork.
std::vector<WantedPod> wanted_pods(const model::ObjectSet& objects, const NodeView& node);

fl_mode to_kernel(config::Mode mode);
config::Mode from_kernel(fl_mode mode);

}  // namespace fairlead::workload
