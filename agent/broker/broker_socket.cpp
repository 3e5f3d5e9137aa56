#include "agent/broker/broker_socket.h"

#include "userspace-proxy/base/log.h"
#include "userspace-proxy/broker/reconnect.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace fairlead::agent_broker {
namespace {

constexpr int kBacklog = 256;  // a worker that finds it full comes again
constexpr mode_t kDirectoryMode = 0750, kSocketMode = 0660;

Status make_directory(const std::string& path, gid_t group) {
  if (mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return fail_sys(path);
  }
  // In this order, and whatever the umask: nobody but root gets in before the group is set.
  if (chown(path.c_str(), 0, group) != 0 || chmod(path.c_str(), kDirectoryMode) != 0) {
    return fail_sys(path);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<BrokerSocket>> BrokerSocket::open(agent::Loop& loop, const std::string& directory, gid_t proxies,
                                                         OnWorker on_worker) {
  if (Status made = make_directory(directory, proxies); !made) {
    return std::unexpected(made.error());
  }
  const std::string path = fmt::format("{}/{}", directory, broker::kAgentSocket);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return fail(fmt::format("{}: too long for a unix socket ({} characters at most); choose a shorter --run-dir", path,
                            sizeof address.sun_path - 1));
  }
  path.copy(address.sun_path, path.size());
  unlink(path.c_str());
  Fd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener || bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chown(path.c_str(), 0, proxies) != 0 || chmod(path.c_str(), kSocketMode) != 0 ||
      listen(listener.get(), kBacklog) != 0) {
    return fail_sys(path);
  }
  return std::unique_ptr<BrokerSocket>(new BrokerSocket(loop, std::move(listener), std::move(on_worker)));
}

BrokerSocket::BrokerSocket(agent::Loop& loop, Fd listener, OnWorker on_worker)
    : listener_(std::move(listener)), on_worker_(std::move(on_worker)) {
  watch_ = loop.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_one(); });
}

void BrokerSocket::accept_one() {
  Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  ucred peer{};
  socklen_t size = sizeof peer;
  if (!socket || getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return;
  }
  if (!on_worker_(peer.pid, std::move(socket))) {
    log::warn("broker: process {} (uid {}), which is no proxy of ours that lacks an agent, is sent away", peer.pid,
              peer.uid);
  }
}

}  // namespace fairlead::agent_broker
