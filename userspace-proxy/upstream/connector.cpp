#include "userspace-proxy/upstream/connector.h"

#include "userspace-proxy/base/log.h"
#include "userspace-proxy/io/wait.h"
#include "userspace-proxy/net/connection_origin.h"

namespace fairlead::upstream {

io::Task<std::unique_ptr<Connection>> Connector::connect(Key key, SocketAddress client, uint64_t deadline_ns) {
  const int family = key.endpoint.ip.is_v4() ? AF_INET : AF_INET6;
  Fd fd = co_await stock_.take(key.netns, family, deadline_ns);
  if (!fd) {
    co_return nullptr;
  }
  // An IPv6 client cannot be shown on an IPv4 leg and the other way round: then the leg's own address is shown.
  if (!client.ip.is_none() && client.ip.is_v4() == key.endpoint.ip.is_v4()) {
    if (const auto claimed = net::claim_client(fd.get(), client); !claimed) {
      log::warn("upstream {}: {}", key.endpoint.text(), claimed.error().message());
      co_return nullptr;
    }
  }
  auto connection = std::make_unique<Connection>(loop_, std::move(fd), buffers_, key);
  sockaddr_storage address{};
  const socklen_t size = key.endpoint.to(address, family);
  const int connected = ::connect(connection->socket.fd(), reinterpret_cast<const sockaddr*>(&address), size);
  if (connected != 0 && errno != EINPROGRESS) {
    co_return nullptr;
  }
  if (const auto started = connection->socket.start(); !started) {
    co_return nullptr;
  }
  if (connected != 0) {
    // Not ready until an event says so: the latches start as "ready".
    connection->socket.expect_events();
    io::Wait wait(loop_);
    wait.on(connection->socket, io::Interest::kWrite).until(deadline_ns);
    const io::Wake wake = co_await wait;
    if (wake != io::Wake::kReady || connection->socket.take_error() != 0) {
      co_return nullptr;
    }
  }
  connection->watched = key.accelerated && net::is_watched(connection->socket.fd());
  co_return connection;
}

}  // namespace fairlead::upstream
