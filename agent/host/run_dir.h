// A run-dir: where one agent's socket, mode overrides and lock live, and how other agents of this host find out about
// it.
//
// Two files carry locks (flock, released by the kernel when the agent ends, however it ends):
// - RUN_DIR/agent.lock: a second agent with the same run-dir is refused, also if it does not share /run with the first.
// - INDEX/HASH (default /run/fairlead-agents; JSON: run_dir, pin_dir, pid): bpffs stores no ordinary files, so what
// names
//   the owner of a pin directory and a cgroup has to lie elsewhere. A sweep lists the index: an entry whose lock is
//   free has no living agent, and the run-dir it names tells whether one may come back.
// Main thread only.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace fairlead::host {

inline constexpr const char* kIndexDirectory = "/run/fairlead-agents";
inline constexpr const char* kPinRoot = "/sys/fs/bpf/fairlead";

// An entry of the index.
struct IndexEntry {
  std::string hash, run_dir, pin_dir;
  pid_t pid = 0;
  bool live = false;  // its lock is held
};

class RunDir {
 public:
  // Makes the directory (0755) if it is absent and takes both locks. The error says who holds it.
  static Result<RunDir> claim(const std::string& path, std::string pin_dir, const std::string& index = kIndexDirectory);

  [[nodiscard]] const std::string& path() const { return path_; }  // absolute
  [[nodiscard]] const std::string& hash() const { return hash_; }
  [[nodiscard]] const std::string& pin_dir() const { return pin_dir_; }
  [[nodiscard]] std::string socket_path() const { return path_ + "/fairlead.sock"; }
  // Of the socket to which proxies come that have outlived their agent; nothing else lies there.
  [[nodiscard]] std::string broker_directory() const { return path_ + "/broker"; }
  [[nodiscard]] std::string modes_path() const { return path_ + "/modes.json"; }
  // Removes the sockets, the lock and the index entry; overrides stay, and so does the directory.
  void forget();

 private:
  std::string path_, hash_, pin_dir_, index_path_;
  Fd lock_, index_lock_;
};

// Absolute form without "." and "..", symbolic links of existing parts resolved: equal directories, equal hashes.
std::string absolute_path(const std::string& path);

// All entries, and whether their agent lives.
std::vector<IndexEntry> read_index(const std::string& index = kIndexDirectory);

// Takes the lock of an entry that has no living agent, so that none starts meanwhile; invalid if one lives.
Fd lock_entry(const std::string& hash, const std::string& index = kIndexDirectory);

}  // namespace fairlead::host
