// Sockets that the agent makes inside pods' network namespaces, for proxies to use: listeners and connecting ones.
// Every one is tagged before anybody can use it: BPF trusts tagged sockets only, and no pod process can tag. Main
// thread only.
#pragma once

#include "agent/workload/netns.h"
#include "bpf/abi/connection.h"
#include "bpf/abi/workload.h"
#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/broker/wire.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace fairlead::workload {

// kernel::Datapath::tag, or a test's.
using Tag = std::function<Status(int socket_fd, const fl_tag& tag)>;

// Where sockets are made. `netns_fd` stays the caller's.
struct Place {
  int netns_fd = -1;
  uint64_t netns = 0;  // its cookie
};

struct Listener {
  uint64_t id = 0;  // the socket's cookie: proxies name it by this, also to the next agent
  uint64_t netns = 0;
  broker::Role role = broker::Role::kOutbound;
  int family = 0;  // of the socket; an inbound one of AF_INET6 takes both
  fl_mode mode = FL_MODE_NODE;
  SocketAddress address;
  std::shared_ptr<const Fd> fd;  // shared with messages that are still queued
};

// The kernel's name of a socket, never used twice (SO_COOKIE).
Result<uint64_t> cookie_of_socket(int fd);

// Ports that belong to the sidecar of a pod; Istio's.
inline constexpr uint16_t kSidecarOutboundPort = 15001;
inline constexpr uint16_t kSidecarInboundPort = 15006;

// Every socket of both kinds has TCP_NODELAY.
class SocketMaker {
 public:
  SocketMaker(const NetnsDoor& door, Tag tag) : door_(door), tag_(std::move(tag)) {}

  // The listeners that a pod needs in a mode: outbound on 127.0.0.1 and, where the pod has IPv6, on ::1; inbound on
  // ::ffff:127.0.0.1, which takes the SYNs of both families from steer. (An AF_INET6 socket that is bound to a real
  // IPv6 address is IPv6-only, whatever IPV6_V6ONLY says: net/ipv6/af_inet6.c, __inet6_bind. Bound to [::] it would be
  // open to whoever dials the pod.) Loopback only: whoever dials a pod from outside reaches none of them but by steer.
  // Node mode: ports that the kernel chooses. Sidecar mode: 15001 and 15006, or chosen ones if they are taken in the
  // pod (BPF knows the port; only a person who looks for the customary number is surprised).
  // `there`: listeners that the pod has already; none is made in their place.
  [[nodiscard]] Result<std::vector<Listener>> listeners(const Place& place, fl_mode mode,
                                                        const std::vector<Listener>& there = {});

  // `count` sockets, tagged for connecting, non-blocking.
  [[nodiscard]] Result<std::vector<Fd>> upstream(const Place& place, int family, uint32_t count) const;

 private:
  struct Wish {
    broker::Role role;
    int family;
    SocketAddress address;
  };
  // The following three REQUIRE: called inside the namespace.
  Result<std::optional<Listener>> listen_on_loopback6(const Place& place, fl_mode mode);
  Result<Listener> listen_inbound(const Place& place, fl_mode mode);
  Result<Listener> listen(const Place& place, fl_mode mode, const Wish& wish);
  Result<Fd> tagged_socket(const Place& place, int family, fl_tag_role role) const;

  const NetnsDoor& door_;
  Tag tag_;
};

}  // namespace fairlead::workload
