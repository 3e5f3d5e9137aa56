// The least that a proxy in user space can do: it takes connections in one pod and copies bytes to and from a server in
// another, with one wait, one read and one write per message and direction, and never looks at them. A control: what
// node mode's HTTP path costs above this is its own, what this costs is the passage through user space. Main thread
// only.
#pragma once

#include "agent/bench/load/target.h"
#include "agent/bench/process.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <string>

namespace fairlead::bench {

// Where a relay takes connections, and whereto; the latter in its place's namespace, as node mode has it.
struct RelayPlan {
  std::string netns;  // path
  uint16_t port = 0;
  Endpoint target;
};

Result<Process> start_relay(const RelayPlan& plan, const Place& place);

}  // namespace fairlead::bench
