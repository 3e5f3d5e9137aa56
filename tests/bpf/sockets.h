// TCP sockets as tests want them: made inside a namespace, with timeouts, errors as errno. Any thread.
#pragma once

#include "bpf/abi/connection.h"
#include "tests/bpf/netns.h"
#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/fd.h"

#include <optional>
#include <string>

namespace fairlead::test {

SocketAddress address(const std::string& ip, uint16_t port);

// A TCP socket of the namespace; calls on it give up after 3 s.
Fd tcp_socket(const Netns& netns, int family);

struct Dialled {
  Fd fd;
  int error = 0;  // errno of connect(); 0: connected
};

struct DialOptions {
  int family = 0;  // 0: the address's own; AF_INET6 dials an IPv4 address in mapped form
  std::optional<SocketAddress> bind;
};
Dialled dial(const Netns& netns, const SocketAddress& to, const DialOptions& options = {});
// connect() on a socket that exists.
int connect_to(const Fd& socket, const SocketAddress& to, int family = 0);

// A listener with SO_REUSEADDR; port 0: any. "::" takes IPv4 too.
Fd listen_on(const Netns& netns, const SocketAddress& at);
// Binds and listens on a socket that exists.
void listen_with(const Fd& socket, const SocketAddress& at);

struct Accepted {
  Fd fd;               // invalid: nobody came
  SocketAddress peer;  // as accept() gave it
};
Accepted accept_one(const Fd& listener, int timeout_ms = 3000);
// Nobody is waiting to be accepted.
bool is_idle(const Fd& listener);

SocketAddress peer_of(const Fd& socket);
SocketAddress local_of(const Fd& socket);
uint16_t port_of(const Fd& socket);

// What FL_SO_CONNECTION says; nullopt with errno set if the option is refused.
std::optional<fl_connection_info> connection_of(const Fd& socket);
// FL_SO_CLAIM; errno or 0.
int claim(const Fd& socket, const SocketAddress& client);

// Whether bytes written to one end arrive at the other.
bool carries(const Fd& from, const Fd& to);

}  // namespace fairlead::test
