#include "userspace-proxy/net/connection_origin.h"

namespace fairlead::net {

Result<ConnectionOrigin> connection_origin(int fd) {
  fl_connection_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, FL_SOL, FL_SO_CONNECTION, &info, &size) != 0) {
    return fail_sys("getsockopt FL_SO_CONNECTION");
  }
  if (size != sizeof info) {
    return fail("getsockopt FL_SO_CONNECTION: the kernel half has another layout");
  }
  const bool outbound = info.kind == FL_CONNECTION_OUTBOUND;
  return ConnectionOrigin{.kind = static_cast<fl_connection_kind>(info.kind),
                          .source_netns = info.source_netns,
                          .identity = info.identity,
                          .original = SocketAddress::from(info.original),
                          .client = outbound ? SocketAddress() : SocketAddress::from(info.client),
                          .kept = outbound ? SocketAddress::from(info.kept) : SocketAddress()};
}

Status claim_client(int fd, const SocketAddress& client) {
  const fl_sockaddr claim = client.raw();
  if (setsockopt(fd, FL_SOL, FL_SO_CLAIM, &claim, sizeof claim) != 0) {
    return fail_sys("setsockopt FL_SO_CLAIM");
  }
  return {};
}

bool is_watched(int fd) {
  uint32_t watched = 0;
  socklen_t size = sizeof watched;
  return getsockopt(fd, FL_SOL, FL_SO_WATCHED, &watched, &size) == 0 && watched != 0;
}

}  // namespace fairlead::net
