// One question to an HTTP server on this machine. Main thread only; blocks for at most ten seconds.
#pragma once

#include "agent/bench/load/target.h"
#include "userspace-proxy/base/error.h"

#include <string>

namespace fairlead::bench {

// The body of a 200; anything else is an error with the status line.
Result<std::string> http_get(const Endpoint& endpoint, const std::string& path);

}  // namespace fairlead::bench
