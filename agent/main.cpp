// fairlead-agent: reads the command line, checks what the process may do, runs the agent.
#include "agent/agent.h"
#include "agent/host/capabilities.h"
#include "agent/options.h"
#include "userspace-proxy/base/log.h"

#include <sys/resource.h>

#include <cstdio>

namespace fairlead {
namespace {

// Three listeners a pod, and descriptors on their way to proxies: the usual soft limit of 1024 is soon used up.
void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int run(const agent::Options& options) {
  if (const Status allowed = host::check_capabilities(); !allowed) {
    log::error("{}", allowed.error().message());
    return 1;
  }
  raise_open_files();
  agent::Agent process(options);
  if (const Status ended = process.run(); !ended) {
    log::error("{}", ended.error().message());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  const fairlead::agent::CommandLine line = fairlead::agent::parse_command_line(argc, argv);
  if (!line.run) {
    std::fputs(line.text.c_str(), line.exit_code == 0 ? stdout : stderr);
    return line.exit_code;
  }
  fairlead::log::start("fairlead-agent", line.options.log_level);
  return fairlead::run(line.options);
}
