// The command line of fairlead-agent (design section 7). Pure but for reading the host's name and CPU count.
#pragma once

#include "agent/api/http_endpoint.h"
#include "agent/compile/acceleration.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/config/snapshot.h"

#include <cstdint>
#include <string>

namespace fairlead::agent {

struct Options {
  std::string config_dir;
  std::string run_dir = "/run/fairlead";
  std::string node_name;  // default: the host's name
  std::string log_level = "info";
  config::Mode default_mode = config::Mode::kNode;
  compile::Acceleration acceleration = compile::Acceleration::kFalse;  // of pods that say nothing
  bool keep_kernel_state = false;
  std::string pin_dir;      // empty: /sys/fs/bpf/fairlead/HASH(run-dir)
  std::string hook_cgroup;  // empty: the root of cgroup2
  api::ListenAddress metrics, ready, admin;
  uint32_t proxy_workers = 0;
  uint32_t proxy_uid = 15006, proxy_gid = 15006;
};

// What to do: run with `options`, or print `text` and end with `exit_code` (help, version, a bad flag).
struct CommandLine {
  Options options;
  bool run = false;
  std::string text;
  int exit_code = 0;
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace fairlead::agent
