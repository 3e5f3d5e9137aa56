// Whether an open connection on the kernel path may go on under another configuration than the one it was opened under.
// A pure function of (snapshot, what the kernel tells of it), with the engines that the kernel's tables are made by.
#pragma once

#include "bpf/abi/flow.h"
#include "userspace-proxy/base/reason.h"
#include "userspace-proxy/config/snapshot.h"

#include <optional>
#include <string>

namespace fairlead::flow {

struct Objection {
  Reason reason = Reason::NONE;  // POLICY_DENIED, NETWORK_DENIED or PATH_CHANGED
  std::string policy;            // "shop/web"; empty where none is to be named
};

// nullopt: it may. Asked are the policies of pods that this node serves, in either mode; a pod that is off or gone asks
// nothing. Changed routes, endpoints and modes are no objection. PATH_CHANGED: the port's policies look at HTTP now,
// which nobody reads on this path.
std::optional<Objection> objection_to(const config::Snapshot& snapshot, const fl_flow& open);

}  // namespace fairlead::flow
