#include "tests/bpf/netns.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace fairlead::test {
namespace {

void require(bool good, const char* what) {
  if (!good) {
    std::perror(what);
    std::abort();
  }
}

}  // namespace

Netns Netns::make() {
  Netns netns;
  std::thread([&] {
    require(unshare(CLONE_NEWNET) == 0, "unshare");
    netns.fd_ = Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }).join();
  require(netns.fd_.valid(), "/proc/thread-self/ns/net");
  netns.sh("ip link set lo up");
  return netns;
}

std::string Netns::path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_.get()); }

uint64_t Netns::cookie() const {
  return in([] {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    require(getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0, "SO_NETNS_COOKIE");
    return cookie;
  });
}

void Netns::sh(const std::string& command) const {
  in([&] { require(std::system(command.c_str()) == 0, command.c_str()); });
}

void Netns::enter() const { require(setns(fd_.get(), CLONE_NEWNET) == 0, "setns"); }

}  // namespace fairlead::test
