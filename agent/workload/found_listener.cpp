#include "agent/workload/found_listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <utility>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace fairlead::workload {
namespace {

template <class T>
std::optional<T> option(const Fd& fd, int name) {
  T value{};
  socklen_t size = sizeof value;
  if (getsockopt(fd.get(), SOL_SOCKET, name, &value, &size) != 0 || size != sizeof value) {
    return std::nullopt;
  }
  return value;
}

std::optional<SocketAddress> own_address(const Fd& fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return std::nullopt;
  }
  return SocketAddress::from(storage);
}

std::optional<broker::Role> role_of(const fl_tag& tag) {
  switch (tag.role) {
    case FL_TAG_OUTBOUND:
      return broker::Role::kOutbound;
    case FL_TAG_INBOUND:
      return broker::Role::kInbound;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Listener> recognize_listener(Fd fd, fl_mode mode, const TagOf& tag_of) {
  if (option<int>(fd, SO_ACCEPTCONN) != 1 || option<int>(fd, SO_PROTOCOL) != IPPROTO_TCP) {
    return std::nullopt;
  }
  const auto tag = tag_of(fd.get());
  if (!tag || !*tag || option<uint64_t>(fd, SO_NETNS_COOKIE) != (*tag)->netns) {
    return std::nullopt;
  }
  const auto role = role_of(**tag);
  const auto family = option<int>(fd, SO_DOMAIN);
  const auto address = own_address(fd);
  const auto cookie = cookie_of_socket(fd.get());
  if (!role || !family || !address || !cookie || address->port == 0 ||
      (address->ip != *IpAddress::parse("127.0.0.1") && address->ip != *IpAddress::parse("::1"))) {
    return std::nullopt;
  }
  return Listener{.id = *cookie,
                  .netns = (*tag)->netns,
                  .role = *role,
                  .family = *family,
                  .mode = mode,
                  .address = *address,
                  .fd = std::make_shared<const Fd>(std::move(fd))};
}

}  // namespace fairlead::workload
