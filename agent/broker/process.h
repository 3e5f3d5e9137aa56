// A proxy's process: how it is started with nothing but what it needs, or taken over where an agent before us started
// it, watched, and ended. Main thread only.
#pragma once

#include "agent/loop.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::agent_broker {

struct Launch {
  std::string executable;
  std::vector<std::string> arguments = {};  // without the program's name
  std::vector<int> fds = {};                // appear in the child as 3, 4, ... in this order; stay the caller's
  int netns_fd = -1;                        // entered before exec; -1: the agent's own
  std::string directory = {};               // its current directory; empty: the agent's own
  uid_t uid = 0;
  gid_t gid = 0;
  rlim_t max_open_files = 0;  // raised as far as the hard limit or CAP_SYS_RESOURCE allow; 0: as it is
};

// In place of a wait status: a process that was adopted is not our child, and its status is told to nobody.
inline constexpr int kUnknownExit = -1;

// How a process ended, for a log line: "exit code 1", "signal 9 (Killed)".
std::string describe_exit(int wait_status);

class Process {
 public:
  using OnExit = std::function<void(int wait_status)>;

  // The child gets a session of its own, /dev/null as stdin, our stderr as stdout and stderr, no environment but TZ, no
  // capability, no_new_privs, no supplementary group. It is executed by descriptor, so that no directory above the
  // program has to be open to its uid. Errors up to and including exec are returned here.
  static Result<std::unique_ptr<Process>> start(agent::Loop& loop, const Launch& launch, OnExit on_exit);
  // A running process that somebody else started.
  static std::unique_ptr<Process> adopt(agent::Loop& loop, pid_t pid, Fd pidfd, OnExit on_exit);
  // Does not end the process: proxies outlive an agent that crashes.
  ~Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  // False: it has ended, and its pid may be another's by now, though OnExit has not been called yet.
  [[nodiscard]] bool lives() const;

 private:
  Process(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  Fd pidfd_;
  agent::Loop::Watch watch_;
};

}  // namespace fairlead::agent_broker
