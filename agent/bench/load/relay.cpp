#include "agent/bench/load/relay.h"

#include "agent/host/open_files.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace fairlead::bench {
namespace {

constexpr int kBacklog = 1024;

// A listening socket in another namespace than ours. Nothing else runs in this process.
Fd listen_within(const std::string& netns, uint16_t port) {
  const Fd own(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), other(open(netns.c_str(), O_RDONLY | O_CLOEXEC));
  if (!own || setns(other.get(), CLONE_NEWNET) != 0) {
    return {};
  }
  Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(listener.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);  // which accepted sockets have from it
  const sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  const bool listens = listener &&
                       bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       listen(listener.get(), kBacklog) == 0;
  return setns(own.get(), CLONE_NEWNET) == 0 && listens ? std::move(listener) : Fd();
}

// One connection's end, and the one that its bytes go to.
struct End {
  Fd socket;
  End* other = nullptr;
};

class Relay {
 public:
  Relay(Fd listener, const sockaddr_storage& target) : listener_(std::move(listener)), target_(target) {}

  // Until it is ended from outside.
  int run() {
    if (!listener_ || !epoll_ || !watch(listener_.get(), nullptr)) {
      return 1;
    }
    while (true) {
      std::array<epoll_event, 64> events;
      const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        auto* const end = static_cast<End*>(events[static_cast<size_t>(i)].data.ptr);
        if (end == nullptr) {
          begin();
        } else if (end->socket && end->other->socket && !copy(*end)) {
          end->socket.reset();
          end->other->socket.reset();
        }
      }
    }
  }

 private:
  bool watch(int fd, End* end) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = end}};
    return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  }

  void begin() {
    Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    Fd server(socket(target_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int one = 1;
    setsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!client || !server ||
        connect(server.get(), reinterpret_cast<const sockaddr*>(&target_), size_of(target_)) != 0) {
      return;
    }
    End& near = *ends_.emplace_back(std::make_unique<End>(std::move(client)));
    End& far = *ends_.emplace_back(std::make_unique<End>(std::move(server), &near));
    near.other = &far;
    watch(near.socket.get(), &near);
    watch(far.socket.get(), &far);
  }

  // Writes wait: with one message under way a direction at a time that holds nobody up.
  bool copy(End& from) {
    const ssize_t count = recv(from.socket.get(), space_.data(), space_.size(), MSG_DONTWAIT);
    if (count <= 0) {
      return count < 0 && errno == EAGAIN;
    }
    for (ssize_t sent = 0; sent < count;) {
      const ssize_t more =
          send(from.other->socket.get(), space_.data() + sent, static_cast<size_t>(count - sent), MSG_NOSIGNAL);
      if (more <= 0) {
        return false;
      }
      sent += more;
    }
    return true;
  }

  Fd listener_, epoll_{epoll_create1(EPOLL_CLOEXEC)};
  const sockaddr_storage& target_;
  std::vector<std::unique_ptr<End>> ends_;  // kept to the end: an event of this turn may still name one
  std::array<char, 64 * 1024> space_;
};

}  // namespace

Result<Process> start_relay(const RelayPlan& plan, const Place& place) {
  const auto target = socket_address(plan.target);
  if (!target) {
    return std::unexpected(target.error());
  }
  const auto body = [&] {
    host::raise_open_files();
    const auto relay = std::make_unique<Relay>(listen_within(plan.netns, plan.port), *target);
    return relay->run();
  };
  return Process::call(body, place, {});
}

}  // namespace fairlead::bench
