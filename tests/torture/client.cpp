#include "tests/torture/loop.h"
#include "tests/torture/roles.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace fairlead::torture {
namespace {

socklen_t parse(const std::string& address, uint16_t port, sockaddr_storage& storage) {
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof(*v4);
  }
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  return inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1 ? sizeof(*v6) : 0;
}

int wait_for_connection(int fd) {
  pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
  constexpr int kPatienceMs = 30'000;
  if (poll(&writable, 1, kPatienceMs) != 1) {
    return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

class Client final : public Owner {
 public:
  explicit Client(World& world) : world_(world) {
    size_ = parse(world.options.address, world.options.port, to_);
    if (size_ == 0) {
      fmt::print(stderr, "torture: {} is no address\n", world.options.address);
      std::exit(2);
    }
  }

  void run(uint64_t first, uint64_t behind_last) {
    uint64_t next = first;
    while (next < behind_last || open_ != 0) {
      while (next < behind_last && open_ < static_cast<int>(world_.options.at_once)) {
        start(world_.connections[next++]);
      }
      loop_.turn();
    }
  }

  // Any thread.
  void ended(Remains remains) override {
    {
      const std::lock_guard lock(mutex_);
      kept_ = std::move(remains.socket);
    }
    open_--;  // last: the client may be gone then
  }

 private:
  // A connection that is left over from the exchange before, where this one may go on it.
  Fd reusable(const Plan& plan) {
    const std::lock_guard lock(mutex_);
    const bool http = plan.framing == Framing::kChunked || plan.framing == Framing::kLength;
    return http ? std::move(kept_) : Fd();
  }

  void start(Connection& connection) {
    Fd socket = reusable(connection.plan);
    if (socket) {
      world_.report.kept++;
    } else {
      socket = dial(connection);
    }
    if (!socket) {
      connection.client_done = true;
      return;
    }
    open_++;
    start_end(world_, loop_, *this, std::make_unique<End>(world_, connection, End::Side::kClient, std::move(socket)));
  }

  Fd dial(Connection& connection) {
    const bool blocks = connection.plan.client.waiting == Waiting::kBlocking;
    Fd socket(::socket(to_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | (blocks ? 0 : SOCK_NONBLOCK), 0));
    int error = connect(socket.get(), reinterpret_cast<const sockaddr*>(&to_), size_) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      error = wait_for_connection(socket.get());
    }
    if (error != 0) {
      world_.report.fail(connection, fmt::format("the client: connect: {}", strerror(error)));
      return {};
    }
    return socket;
  }

  World& world_;
  Loop loop_;
  sockaddr_storage to_{};
  socklen_t size_ = 0;
  std::atomic<int> open_{0};
  std::mutex mutex_;
  Fd kept_;
};

}  // namespace

void dial_all(World& world, std::optional<uint64_t> only) {
  Client client(world);
  client.run(only.value_or(0), only ? *only + 1 : world.connections.size());
}

}  // namespace fairlead::torture
