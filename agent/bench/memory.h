// How memory grows with what a node has to carry. Pure.
#pragma once

#include "agent/bench/paths.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::bench {

// Idle: all proxies of the node together, by PSS.
struct MemoryByPods {
  std::string mode;  // of all pods
  unsigned pods = 0;
  uint64_t agent_kib = 0, proxies_kib = 0;
};

// Connections that rest after one request each.
struct MemoryByConnections {
  Path path = Path::kDirect;
  unsigned connections = 0;
  uint64_t proxies_kib = 0;  // PSS of the proxies that the path leads through
  // What the kernel holds for the sockets of them all, the client's and the server's among them, above the state with
  // none. Nothing where it does not tell.
  std::optional<uint64_t> socket_kib;
};

}  // namespace fairlead::bench
