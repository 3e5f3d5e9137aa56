// The agent's own cgroup, `fairlead-HASH(run-dir)` in the cgroup2 hierarchy: the agent, its proxies and sidecars live
// in it. The socket-option programs are attached to it, and whatever a killed agent leaves behind is found in it. Main
// thread only.
#pragma once

#include "userspace-proxy/base/error.h"

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace fairlead::host {

inline constexpr std::string_view kCgroupPrefix = "fairlead-";

// Where cgroup2 is mounted, out of the text of /proc/self/mountinfo (proc(5)): /sys/fs/cgroup, or its `unified`
// directory on hybrid hosts. The first mount of the hierarchy's root wins. Pure.
Result<std::string> find_cgroup2(std::string_view mountinfo);
// The same for this process.
Result<std::string> find_cgroup2();

// The path of a process in the cgroup2 hierarchy, out of the text of /proc/PID/cgroup: "/user.slice", or "/". Pure.
std::string cgroup2_path_of(std::string_view proc_cgroup);

// One directory of the hierarchy.
class Cgroup {
 public:
  explicit Cgroup(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] bool exists() const;
  Status create() const;  // no error if it is there
  Status add(pid_t pid) const;
  // Without those in sub-directories: we make none.
  [[nodiscard]] std::vector<pid_t> processes() const;
  // Sends a signal to those of `pids` that are in it. Each is held by a pidfd and looked up again before the signal
  // goes out, so that a reused pid gets none.
  void signal(const std::vector<pid_t>& pids, int number) const;
  // SIGKILL for everything in it, this process included (cgroup.kill, Linux 5.14; one by one before that).
  void kill_all() const;
  // Removes the directory; waits up to a second for killed processes to be gone from it.
  Status remove() const;

 private:
  std::string directory_;
};

}  // namespace fairlead::host
