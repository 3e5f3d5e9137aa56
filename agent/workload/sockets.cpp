#include "agent/workload/sockets.h"

#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace fairlead::workload {
namespace {

constexpr int kBacklog = 4096;  // what waits while a proxy is restarted; the kernel cuts it to net.core.somaxconn

bool set_option(const Fd& fd, int level, int name, int value) {
  return setsockopt(fd.get(), level, name, &value, sizeof value) == 0;
}

SocketAddress loopback4(uint16_t port) { return {*IpAddress::parse("127.0.0.1"), port}; }
SocketAddress loopback6(uint16_t port) { return {*IpAddress::parse("::1"), port}; }

// The kernel has none, or the pod's loopback has no ::1 (disable_ipv6).
bool means_no_ipv6(const Error& error) {
  return error.errno_value() == EAFNOSUPPORT || error.errno_value() == EADDRNOTAVAIL;
}

Status bind_to(const Fd& fd, int family, const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t size = address.to(storage, family);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) {
    return fail_sys(fmt::format("bind {}", address.text()));
  }
  return {};
}

}  // namespace

Result<uint64_t> cookie_of_socket(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) {
    return fail_sys("SO_COOKIE");
  }
  return cookie;
}

Result<Fd> SocketMaker::tagged_socket(const Place& place, int family, fl_tag_role role) const {
  Fd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd) {
    return fail_sys("socket");
  }
  if (Status tagged = tag_(fd.get(), fl_tag{.netns = place.netns, .role = static_cast<__u32>(role), .pad = 0});
      !tagged) {
    return fail(tagged.error(), "tagging a socket");
  }
  // What a listener accepts has it from the listener. Without it, an answer whose head and body leave in two sends
  // waits for the client's delayed acknowledgement: 40 ms.
  if (!set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)) {
    return fail_sys("setsockopt");
  }
  return fd;
}

Result<Listener> SocketMaker::listen(const Place& place, fl_mode mode, const Wish& wish) {
  const bool inbound = wish.role == broker::Role::kInbound;
  auto fd = tagged_socket(place, wish.family, inbound ? FL_TAG_INBOUND : FL_TAG_OUTBOUND);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  // SO_REUSEADDR: connections of an earlier listener may still be in TIME_WAIT on the sidecar's fixed ports.
  if (!set_option(*fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
      (wish.family == AF_INET6 && !set_option(*fd, IPPROTO_IPV6, IPV6_V6ONLY, inbound ? 0 : 1))) {
    return fail_sys("setsockopt");
  }
  Status bound = bind_to(*fd, wish.family, wish.address);
  if (!bound && bound.error().errno_value() == EADDRINUSE && wish.address.port != 0) {
    log::warn("{} is taken in a pod in sidecar mode: its sidecar gets a port that the kernel chooses",
              wish.address.text());
    bound = bind_to(*fd, wish.family, {wish.address.ip, 0});
  }
  if (!bound) {
    return std::unexpected(bound.error());
  }
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::listen(fd->get(), kBacklog) != 0 || getsockname(fd->get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return fail_sys("listen");
  }
  const auto cookie = cookie_of_socket(fd->get());
  if (!cookie) {
    return std::unexpected(cookie.error());
  }
  return Listener{.id = *cookie,
                  .netns = place.netns,
                  .role = wish.role,
                  .family = wish.family,
                  .mode = mode,
                  .address = SocketAddress::from(storage),
                  .fd = std::make_shared<const Fd>(std::move(*fd))};
}

Result<std::optional<Listener>> SocketMaker::listen_on_loopback6(const Place& place, fl_mode mode) {
  const uint16_t port = mode == FL_MODE_SIDECAR ? kSidecarOutboundPort : 0;
  auto made = listen(place, mode, {broker::Role::kOutbound, AF_INET6, loopback6(port)});
  if (made) {
    return std::optional(std::move(*made));
  }
  if (means_no_ipv6(made.error())) {
    return std::optional<Listener>();
  }
  return std::unexpected(made.error());
}

Result<Listener> SocketMaker::listen_inbound(const Place& place, fl_mode mode) {
  const SocketAddress address = loopback4(mode == FL_MODE_SIDECAR ? kSidecarInboundPort : 0);
  auto inbound = listen(place, mode, {broker::Role::kInbound, AF_INET6, address});
  if (!inbound && inbound.error().errno_value() == EAFNOSUPPORT) {  // a kernel without IPv6
    inbound = listen(place, mode, {broker::Role::kInbound, AF_INET, address});
  }
  return inbound;
}

Result<std::vector<Listener>> SocketMaker::listeners(const Place& place, fl_mode mode,
                                                     const std::vector<Listener>& there) {
  const auto has = [&](broker::Role role, int family) {
    return std::ranges::any_of(there, [&](const Listener& listener) {
      return listener.mode == mode && listener.role == role && (family == 0 || listener.family == family);
    });
  };
  return door_.inside(place.netns_fd, [&]() -> Result<std::vector<Listener>> {
    std::vector<Listener> made;
    if (!has(broker::Role::kOutbound, AF_INET)) {
      const SocketAddress address = loopback4(mode == FL_MODE_SIDECAR ? kSidecarOutboundPort : 0);
      auto outbound4 = listen(place, mode, {broker::Role::kOutbound, AF_INET, address});
      if (!outbound4) {
        return std::unexpected(outbound4.error());
      }
      made.push_back(std::move(*outbound4));
    }
    if (!has(broker::Role::kOutbound, AF_INET6)) {
      auto outbound6 = listen_on_loopback6(place, mode);
      if (!outbound6) {
        return std::unexpected(outbound6.error());
      }
      if (outbound6->has_value()) {
        made.push_back(std::move(**outbound6));
      }
    }
    if (!has(broker::Role::kInbound, 0)) {
      auto inbound = listen_inbound(place, mode);
      if (!inbound) {
        return std::unexpected(inbound.error());
      }
      made.push_back(std::move(*inbound));
    }
    return made;
  });
}

Result<std::vector<Fd>> SocketMaker::upstream(const Place& place, int family, uint32_t count) const {
  return door_.inside(place.netns_fd, [&]() -> Result<std::vector<Fd>> {
    std::vector<Fd> made;
    for (uint32_t i = 0; i < count; ++i) {
      auto fd = tagged_socket(place, family, FL_TAG_UPSTREAM);
      if (!fd) {
        return std::unexpected(fd.error());
      }
      made.push_back(std::move(*fd));
    }
    return made;
  });
}

}  // namespace fairlead::workload
