// Which mode a pod is in, and why: design section 3, "Modes". A pure function, any thread.
#pragma once

#include "agent/model/objects.h"
#include "userspace-proxy/config/snapshot.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::compile {

struct ModeDecision {
  config::Mode mode = config::Mode::kOff;
  std::string reason;  // what decided: "label fairlead.dev/mode on the pod", "fairlead mode ns/shop", "default"
};

// What `fairlead mode` has set: "pod/NS/NAME", "ns/NS" or "default" -> mode.
using ModeOverrides = std::map<std::string, config::Mode, std::less<>>;

// "node", "sidecar", "off"; anything else is nothing.
std::optional<config::Mode> parse_mode(std::string_view text);
std::string_view mode_name(config::Mode mode);

// `ns`: the pod's Namespace object, null if there is none. `default_mode`: what the agent was started with; an override
// named "default" replaces it. A mode that is no mode (a misspelt label) counts as absent.
ModeDecision decide_mode(const model::Pod& pod, const model::Namespace* ns, const ModeOverrides& overrides,
                         config::Mode default_mode);

}  // namespace fairlead::compile
