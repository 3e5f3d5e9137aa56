// One connection to an application (or to the proxy in front of it), used by one request at a time. Worker-local.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/io/buffer.h"
#include "userspace-proxy/io/socket.h"

#include <cstdint>
#include <functional>

namespace fairlead::upstream {

// Connections are shared only between requests for which everything that the other end can see is equal: the
// application is shown one client address per connection, and a sidecar one identity.
struct Key {
  uint64_t netns = 0;  // where the socket lives
  SocketAddress endpoint;
  IpAddress client;
  uint32_t identity = 0;
  // Who serves the other end (config::Mode as a number): a kept connection leads to the proxy that it was opened to,
  // also after the pod has changed its mode.
  uint8_t served_by = 0;
  // Whether that pod's sockets may be redirected: one that was opened before could not join.
  bool accelerated = false;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  size_t operator()(const Key& key) const noexcept {
    const size_t a = std::hash<SocketAddress>()(key.endpoint), b = std::hash<IpAddress>()(key.client);
    return a ^ (b * 0x9e3779b97f4a7c15ULL) ^
           (key.netns * 31 + key.identity + key.served_by + (key.accelerated ? 64U : 0U));
  }
};

struct Connection {
  Connection(io::Loop& loop, Fd fd, io::BufferPool& buffers, const Key& to)
      : key(to), socket(loop, std::move(fd)), in(buffers) {}

  Key key;
  io::Socket socket;
  io::Buffer in;
  http::ResponseParser parser;
  bool watched = false;  // net::is_watched
  bool reused = false;   // has carried a request before: it may have been closed meanwhile
};

}  // namespace fairlead::upstream
