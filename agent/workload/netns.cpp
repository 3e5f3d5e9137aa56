#include "agent/workload/netns.h"

#include "userspace-proxy/base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace fairlead::workload {

Result<NetnsFile> netns_file_at(const std::string& path) {
  struct stat found;
  struct statfs filesystem;
  if (stat(path.c_str(), &found) != 0 || statfs(path.c_str(), &filesystem) != 0) {
    return fail_sys(path);
  }
  if (filesystem.f_type != NSFS_MAGIC) {
    return fail(fmt::format("{}: not a network namespace", path));
  }
  return NetnsFile{found.st_dev, found.st_ino};
}

Result<NetnsDoor> NetnsDoor::open() {
  constexpr const char* kOwn = "/proc/thread-self/ns/net";
  Fd home(::open(kOwn, O_RDONLY | O_CLOEXEC));
  if (!home) {
    return fail_sys(kOwn);
  }
  const auto own = netns_file_at(kOwn);
  if (!own) {
    return std::unexpected(own.error());
  }
  return NetnsDoor(std::move(home), *own);
}

Status NetnsDoor::enter(int netns_fd) {
  if (setns(netns_fd, CLONE_NEWNET) != 0) {
    return fail_sys("setns");
  }
  return {};
}

void NetnsDoor::leave() const {
  if (setns(home_.get(), CLONE_NEWNET) != 0) {
    log::error("cannot return to the agent's own network namespace: {}", Error::sys("setns").message());
    std::abort();
  }
}

Result<uint64_t> NetnsDoor::cookie_of(int netns_fd) const {
  return inside(netns_fd, []() -> Result<uint64_t> {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (!socket || getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) {
      return fail_sys("SO_NETNS_COOKIE");
    }
    return cookie;
  });
}

}  // namespace fairlead::workload
