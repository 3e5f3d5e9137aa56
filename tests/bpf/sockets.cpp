#include "tests/bpf/sockets.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace fairlead::test {
namespace {

int family_of(const SocketAddress& at) { return at.ip.is_v4() ? AF_INET : AF_INET6; }

void set_timeouts(int fd) {
  const timeval limit{.tv_sec = 3, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

int own_family(const Fd& socket) {
  int family = 0;
  socklen_t size = sizeof(family);
  getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

void bind_to(const Fd& socket, const SocketAddress& at) {
  sockaddr_storage storage{};
  const socklen_t size = at.to(storage, own_family(socket));
  EXPECT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&storage), size), 0) << at.text() << ": " << strerror(errno);
}

bool readable(const Fd& fd, int timeout_ms) {
  pollfd entry{.fd = fd.get(), .events = POLLIN, .revents = 0};
  return poll(&entry, 1, timeout_ms) == 1;
}

}  // namespace

SocketAddress address(const std::string& ip, uint16_t port) {
  const auto parsed = IpAddress::parse(ip);
  EXPECT_TRUE(parsed.has_value()) << ip;
  return {.ip = parsed.value_or(IpAddress()), .port = port};
}

Fd tcp_socket(const Netns& netns, int family) {
  Fd fd = netns.in([&] { return Fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)); });
  EXPECT_TRUE(fd.valid()) << strerror(errno);
  set_timeouts(fd.get());
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  return fd;
}

int connect_to(const Fd& socket, const SocketAddress& to, int family) {
  sockaddr_storage storage{};
  const socklen_t size = to.to(storage, family != 0 ? family : own_family(socket));
  return connect(socket.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0 ? 0 : errno;
}

Dialled dial(const Netns& netns, const SocketAddress& to, const DialOptions& options) {
  Dialled dialled{.fd = tcp_socket(netns, options.family != 0 ? options.family : family_of(to))};
  if (options.bind) {
    bind_to(dialled.fd, *options.bind);
  }
  dialled.error = connect_to(dialled.fd, to);
  return dialled;
}

Fd listen_on(const Netns& netns, const SocketAddress& at) {
  Fd fd = tcp_socket(netns, family_of(at));
  listen_with(fd, at);
  return fd;
}

void listen_with(const Fd& socket, const SocketAddress& at) {
  bind_to(socket, at);
  EXPECT_EQ(listen(socket.get(), 64), 0) << strerror(errno);
}

Accepted accept_one(const Fd& listener, int timeout_ms) {
  if (!readable(listener, timeout_ms)) {
    return {};
  }
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  Accepted accepted;
  accepted.fd = Fd(accept4(listener.get(), reinterpret_cast<sockaddr*>(&storage), &size, SOCK_CLOEXEC));
  if (accepted.fd) {
    set_timeouts(accepted.fd.get());
    accepted.peer = SocketAddress::from(storage);
  }
  return accepted;
}

bool is_idle(const Fd& listener) { return !readable(listener, 0); }

SocketAddress peer_of(const Fd& socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  EXPECT_EQ(getpeername(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size), 0) << strerror(errno);
  return SocketAddress::from(storage);
}

SocketAddress local_of(const Fd& socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  EXPECT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size), 0) << strerror(errno);
  return SocketAddress::from(storage);
}

uint16_t port_of(const Fd& socket) { return local_of(socket).port; }

std::optional<fl_connection_info> connection_of(const Fd& socket) {
  fl_connection_info answer{};
  socklen_t size = sizeof(answer);
  if (getsockopt(socket.get(), FL_SOL, FL_SO_CONNECTION, &answer, &size) != 0) {
    return std::nullopt;
  }
  EXPECT_EQ(size, sizeof(answer));
  return answer;
}

int claim(const Fd& socket, const SocketAddress& client) {
  const fl_sockaddr raw = client.raw();
  return setsockopt(socket.get(), FL_SOL, FL_SO_CLAIM, &raw, sizeof(raw)) == 0 ? 0 : errno;
}

bool carries(const Fd& from, const Fd& to) {
  char byte = 'x';
  return write(from.get(), &byte, 1) == 1 && read(to.get(), &byte, 1) == 1;
}

}  // namespace fairlead::test
