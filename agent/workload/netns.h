// Network namespaces of pods: opening them, naming them, and making things inside them.
//
// A namespace is entered by setns() on the calling thread. Main thread only, and nothing else runs on it meanwhile; the
// way back must work: a thread that stayed in a pod's namespace would open the next socket there, so failing to return
// ends the process.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

namespace fairlead::workload {

// What tells a namespace file from a later one of the same name.
struct NetnsFile {
  dev_t device = 0;
  ino_t inode = 0;
  auto operator<=>(const NetnsFile&) const = default;
};

// What `path` leads to now. An error if it is not a network namespace (an empty file, say, where `ip netns` has not yet
// mounted it).
Result<NetnsFile> netns_file_at(const std::string& path);

class NetnsDoor {
 public:
  // Remembers the calling thread's namespace as the one to come back to.
  static Result<NetnsDoor> open();

  [[nodiscard]] const NetnsFile& own() const { return own_; }

  // Calls `work` inside the namespace.
  template <class Work>
  auto inside(int netns_fd, Work work) const -> decltype(work()) {
    if (Status entered = enter(netns_fd); !entered) {
      return std::unexpected(entered.error());
    }
    const Return back{*this};
    return work();
  }

  // SO_NETNS_COOKIE (Linux 5.14) of a socket made inside: the kernel's own name for the namespace, never reused.
  [[nodiscard]] Result<uint64_t> cookie_of(int netns_fd) const;

 private:
  struct Return {
    explicit Return(const NetnsDoor& owner) : door(owner) {}
    Return(const Return&) = delete;
    Return& operator=(const Return&) = delete;
    ~Return() { door.leave(); }
    const NetnsDoor& door;
  };
  NetnsDoor(Fd home, NetnsFile own) : home_(std::move(home)), own_(own) {}
  [[nodiscard]] static Status enter(int netns_fd);
  void leave() const;

  Fd home_;
  NetnsFile own_;
};

}  // namespace fairlead::workload
