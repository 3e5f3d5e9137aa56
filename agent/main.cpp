// fairlead-agent: reads the command line, checks what the process may do, runs the agent.
#include "agent/agent.h"
#include "agent/host/capabilities.h"
#include "agent/host/open_files.h"
#include "agent/options.h"
#include "userspace-proxy/base/log.h"

#include <cstdio>

namespace fairlead {
namespace {

int run(const agent::Options& options) {
  if (const Status allowed = host::check_capabilities(); !allowed) {
    log::error("{}", allowed.error().message());
    return 1;
  }
  host::raise_open_files();  // three listeners a pod, and descriptors on their way to proxies
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
