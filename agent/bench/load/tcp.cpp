#include "agent/bench/load/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <cstring>
#include <string>
#include <vector>

namespace fairlead::bench {
namespace {

// What a client says first.
struct Hello {
  TcpPlan::Kind kind;
  uint32_t bytes;
};
constexpr uint32_t kLargest = 1 << 20;

// Non-blocking, as event-driven programs have their sockets; a wait costs the same two calls on every path.
constexpr int kPatienceMs = 5000;

bool may_go_on(int fd, short events) {
  pollfd wait{.fd = fd, .events = events, .revents = 0};
  return errno == EAGAIN && poll(&wait, 1, kPatienceMs) == 1;
}

bool send_all(int fd, const void* bytes, size_t count) {
  const auto* const from = static_cast<const char*>(bytes);
  for (size_t sent = 0; sent < count;) {
    const ssize_t more = send(fd, from + sent, count - sent, MSG_NOSIGNAL);
    if (more < 0 && may_go_on(fd, POLLOUT)) {
      continue;
    }
    if (more <= 0) {
      return false;
    }
    sent += static_cast<size_t>(more);
  }
  return true;
}

bool receive_all(int fd, void* bytes, size_t count) {
  auto* const into = static_cast<char*>(bytes);
  for (size_t got = 0; got < count;) {
    const ssize_t more = recv(fd, into + got, count - got, 0);
    if (more < 0 && may_go_on(fd, POLLIN)) {
      continue;
    }
    if (more <= 0) {
      return false;
    }
    got += static_cast<size_t>(more);
  }
  return true;
}

void set_no_delay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// Until the client ends. Of a stream, the count of bytes goes back when it does.
void serve_one(int peer, std::vector<char>& space) {
  Hello hello{};
  if (!receive_all(peer, &hello, sizeof hello) || hello.bytes == 0 || hello.bytes > kLargest) {
    return;
  }
  space.resize(std::max(hello.bytes, 64 * 1024U));
  if (hello.kind == TcpPlan::Kind::kRoundTrip) {
    while (receive_all(peer, space.data(), hello.bytes) && send_all(peer, space.data(), hello.bytes)) {
    }
    return;
  }
  uint64_t total = 0;
  for (ssize_t more; (more = recv(peer, space.data(), space.size(), 0)) > 0 || (more < 0 && may_go_on(peer, POLLIN));) {
    total += more > 0 ? static_cast<uint64_t>(more) : 0;
  }
  send_all(peer, &total, sizeof total);
}

int serve(uint16_t port) {
  const int one = 1;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  if (listener < 0 || bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 16) != 0) {
    return 1;
  }
  std::vector<char> space;
  while (true) {
    const Fd peer(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!peer) {
      return 1;
    }
    set_no_delay(peer.get());
    serve_one(peer.get(), space);
  }
}

int failed(LoadCounts& counts, const char* what) {
  counts.note(std::string(what) + ": " + std::strerror(errno));
  return 1;
}

bool connect_to(int fd, const sockaddr_storage& target) {
  if (connect(fd, reinterpret_cast<const sockaddr*>(&target), size_of(target)) == 0) {
    return true;
  }
  pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
  if (errno != EINPROGRESS || poll(&wait, 1, kPatienceMs) != 1) {
    return false;
  }
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  return error == 0;
}

// The client's whole life: connects, goes on until the time is over, counts.
int run(const TcpPlan& plan, const sockaddr_storage& target, LoadCounts& counts) {
  const Fd socket(::socket(target.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket || !connect_to(socket.get(), target)) {
    return failed(counts, "connect");
  }
  set_no_delay(socket.get());
  const Hello hello{plan.kind, plan.bytes};
  if (!send_all(socket.get(), &hello, sizeof hello)) {
    return failed(counts, "send");
  }
  std::vector<char> bytes(plan.bytes);
  const Clock::time_point start = Clock::now();
  Clock::time_point before = start;
  while (before - start < plan.duration) {
    ++counts.due;
    if (!send_all(socket.get(), bytes.data(), bytes.size()) ||
        (plan.kind == TcpPlan::Kind::kRoundTrip && !receive_all(socket.get(), bytes.data(), bytes.size()))) {
      return failed(counts, "round trip");
    }
    const Clock::time_point now = Clock::now();
    counts.latency.record(ns_of(now - before));
    ++counts.answered;
    before = now;
  }
  if (plan.kind == TcpPlan::Kind::kStream) {
    uint64_t arrived = 0;
    shutdown(socket.get(), SHUT_WR);
    if (!receive_all(socket.get(), &arrived, sizeof arrived) || arrived != counts.due * plan.bytes) {
      return failed(counts, "not every byte has arrived");
    }
    before = Clock::now();
  }
  counts.elapsed_ns = ns_of(before - start);
  return 0;
}

}  // namespace

Result<RunningLoad> start_tcp(const TcpPlan& plan, const Place& place) {
  const auto target = socket_address(plan.target);
  if (!target) {
    return std::unexpected(target.error());
  }
  constexpr std::chrono::seconds kPatience(20);
  return RunningLoad::start([&](LoadCounts& counts, std::span<TimedRequest>) { return run(plan, *target, counts); },
                            place, plan.duration + kPatience);
}

Result<Process> start_tcp_server(uint16_t port, const Place& place) {
  return Process::call([port] { return serve(port); }, place, {});
}

}  // namespace fairlead::bench
