// The bench's place on the machine: its names, its folder, its two pods, and the sweep of what a killed run has left.
// Main thread only.
//
// Everything carries the owner's pid: namespaces `flbench-PID-client`, links `flbPIDbr`, the folder /tmp/flbench-PID
// (with the agent's run-dir). One bench at a time runs on a machine, since two would measure each other: a lock says
// so, and says that whatever else carries the prefix belongs to nobody.
#pragma once

#include "agent/bench/machine_lock.h"
#include "agent/bench/process.h"
#include "userspace-proxy/base/error.h"

#include <string>
#include <vector>

namespace fairlead::bench {

struct Pod {
  std::string name;     // "client", "server"
  std::string netns;    // path
  std::string address;  // IPv4
};

class Stage {
 public:
  // Takes the machine's lock, sweeps, makes the folder and the pods. An error leaves nothing behind.
  static Result<Stage> open(const Interrupt& interrupt);
  // Takes it all away. The processes in the pods must have ended.
  ~Stage();
  Stage(Stage&& other) noexcept = default;
  Stage& operator=(Stage&& other) = delete;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Pods besides the two, without a link: they have proxies and no traffic. Returns `count` of them; those that were
  // made before are among them.
  Result<std::vector<Pod>> further_pods(unsigned count, const Interrupt& interrupt);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string run_dir() const { return folder_ + "/run"; }
  [[nodiscard]] const Pod& client() const { return client_; }
  [[nodiscard]] const Pod& server() const { return server_; }

 private:
  explicit Stage(MachineLock lock) : lock_(std::move(lock)) {}
  Status make_pods(const Interrupt& interrupt);

  MachineLock lock_;
  std::string folder_;
  Pod client_, server_;
  std::vector<Pod> further_;
};

// What runs with this pid have left: processes in their namespaces, their agent, links, namespaces, folder. Best
// effort; `owner` 0: every pid. Call with the machine's lock held.
void sweep_stage(pid_t owner);

}  // namespace fairlead::bench
