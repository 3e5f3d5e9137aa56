// Starting servers of others, each one process with a folder of its own. Main thread only.
#pragma once

#include "agent/bench/process.h"
#include "userspace-proxy/base/error.h"

#include <functional>
#include <string>
#include <vector>

namespace fairlead::bench {

struct Server {
  std::string folder;  // what it writes lies there in output.log
  std::vector<std::string> argv;
  Place place;
  std::function<bool()> is_ready;
};

// Waits until it is ready. If it does not start, the error has the last line that it wrote.
Result<Process> start_serving(const Server& server, const Interrupt& interrupt);

}  // namespace fairlead::bench
