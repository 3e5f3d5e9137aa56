// A network namespace of the test's own: made in a thread, held by a descriptor, gone with it. Its "file" is a bind
// mount only where a test needs a path that can be unlinked.
#pragma once

#include "userspace-proxy/base/fd.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <thread>

namespace fairlead::test {

// `ip link set lo up`, in the calling thread's namespace.
inline void raise_loopback() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  ioctl(socket.get(), SIOCSIFFLAGS, &request);
}

class TemporaryNetns {
 public:
  explicit TemporaryNetns(bool loopback = true) {
    std::thread([&] {
      if (unshare(CLONE_NEWNET) != 0) {
        return;
      }
      if (loopback) {
        raise_loopback();
      }
      fd_ = Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  // A path that leads to it as long as this object lives.
  [[nodiscard]] std::string proc_path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  Fd fd_;
};

// Mounts a namespace on a file, as `ip netns add` does.
class MountedNetns {
 public:
  MountedNetns(const TemporaryNetns& netns, std::string path) : path_(std::move(path)) {
    std::ofstream(path_) << "";
    mounted_ = mount(netns.proc_path().c_str(), path_.c_str(), nullptr, MS_BIND, nullptr) == 0;
  }
  ~MountedNetns() { remove(); }
  void remove() {
    if (std::exchange(mounted_, false)) {
      umount2(path_.c_str(), MNT_DETACH);
      unlink(path_.c_str());
    }
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

}  // namespace fairlead::test
