#include "tests/torture/loop.h"
#include "tests/torture/roles.h"

#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

namespace fairlead::torture {
namespace {

class Server;

// A connection of which is not known yet which it is.
class Arrival final : public Watched {
 public:
  Arrival(Server& server, Fd socket);
  void ready(uint32_t events) override;
  // Bytes of its head, and perhaps behind it.
  void take(std::span<const char> bytes);
  [[nodiscard]] bool gone() const override { return gone_; }

 private:
  Server& server_;
  Fd socket_;
  Head head_;
  bool gone_ = false;
};

class Listener final : public Watched {
 public:
  Listener(Server& server, Fd socket);
  void ready(uint32_t events) override;
  [[nodiscard]] bool gone() const override { return false; }

 private:
  Server& server_;
  Fd socket_;
};

class Server final : public Owner {
 public:
  explicit Server(World& world) : world_(world) {}

  void run(Fd listener) {
    loop_.add(std::make_unique<Listener>(*this, std::move(listener)));
    while (!world_.all_dialled || open_ != 0) {
      loop_.turn();
      take_kept();
    }
  }

  // Any thread.
  void ended(Remains remains) override {
    if (remains.socket) {
      const std::lock_guard lock(mutex_);
      kept_.push_back(std::move(remains));
    }
    open_--;  // last: the server may be gone then
  }

  void identified(const Head& head, std::span<const char> early, Fd socket) {
    const auto id = head.id();
    if (!id || *id >= world_.connections.size()) {
      world_.report.fail(fmt::format("the server: a connection that is none of ours: {}", head.text().substr(0, 200)));
      return;
    }
    Connection& connection = world_.connections[*id];
    if (connection.server_begun.exchange(true)) {
      world_.report.fail(connection, "the server: it came twice");
      return;
    }
    open_++;
    auto end = std::make_unique<End>(world_, connection, End::Side::kServer, std::move(socket));
    end->take_early(early);
    start_end(world_, loop_, *this, std::move(end));
  }

  void arrived(Remains from) {
    auto arrival = std::make_unique<Arrival>(*this, std::move(from.socket));
    arrival->take(from.early);
    if (!arrival->gone()) {
      loop_.add(std::move(arrival));
    }
  }
  Loop& loop() { return loop_; }

 private:
  // A connection that had an exchange and may have another.
  void take_kept() {
    std::vector<Remains> kept;
    {
      const std::lock_guard lock(mutex_);
      kept.swap(kept_);
    }
    for (auto& remains : kept) {
      arrived(std::move(remains));
    }
  }

  World& world_;
  Loop loop_;
  std::atomic<int> open_{0};
  std::mutex mutex_;
  std::vector<Remains> kept_;
};

Arrival::Arrival(Server& server, Fd socket) : server_(server), socket_(std::move(socket)) {
  server_.loop().watch(socket_.get(), EPOLLIN, *this);
}

void Arrival::ready(uint32_t) {
  std::array<char, 4096> room;
  const ssize_t received = recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (received <= 0) {
    gone_ = true;  // a client that left before it said who it is, or a connection that is not used again
    server_.loop().forget(socket_.get());
    return;
  }
  take({room.data(), static_cast<size_t>(received)});
}

void Arrival::take(std::span<const char> bytes) {
  if (head_.feed(bytes)) {
    gone_ = true;
    server_.loop().forget(socket_.get());
    server_.identified(head_, bytes, std::move(socket_));
  }
}

Listener::Listener(Server& server, Fd socket) : server_(server), socket_(std::move(socket)) {
  server_.loop().watch(socket_.get(), EPOLLIN, *this);
}

void Listener::ready(uint32_t) {
  while (true) {
    Fd socket(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      return;
    }
    server_.arrived({.socket = std::move(socket), .early = {}});
  }
}

}  // namespace

Fd listen_at(uint16_t port) {
  Fd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(port);
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&any), sizeof(any)) != 0 || listen(socket.get(), 4096) != 0) {
    fmt::print(stderr, "torture: port {}: {}\n", port, strerror(errno));
    std::exit(2);
  }
  return socket;
}

void serve(World& world, Fd listener) {
  Server server(world);
  server.run(std::move(listener));
}

}  // namespace fairlead::torture
