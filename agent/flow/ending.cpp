#include "agent/flow/ending.h"

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/fd.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace fairlead::flow {
namespace {

struct Order {
  nlmsghdr header;
  inet_diag_req_v2 socket;
};

void put(const fl_sockaddr& from, bool v4, __be32 (&into)[4]) {
  if (v4) {
    into[0] = from.ip.w[3];
  } else {
    std::memcpy(into, from.ip.w, sizeof(from.ip.w));
  }
}

Order order_for(const fl_flow& flow, uint32_t sequence) {
  const bool is_source = (flow.reporters & FL_REPORT_SOURCE) != 0;
  const fl_sockaddr& local = is_source ? flow.source : flow.destination;
  const fl_sockaddr& remote = is_source ? flow.destination : flow.source;
  // An IPv4 connection is found as such, of whichever family its socket is.
  const bool v4 = IpAddress(remote.ip).is_v4();
  Order order{};
  order.header.nlmsg_len = sizeof(order);
  order.header.nlmsg_type = SOCK_DESTROY;
  order.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  order.header.nlmsg_seq = sequence;
  order.socket.sdiag_family = v4 ? AF_INET : AF_INET6;
  order.socket.sdiag_protocol = IPPROTO_TCP;
  order.socket.idiag_states = ~0U;
  order.socket.id.idiag_sport = local.port;
  order.socket.id.idiag_dport = remote.port;
  put(local, v4, order.socket.id.idiag_src);
  put(remote, v4, order.socket.id.idiag_dst);
  order.socket.id.idiag_cookie[0] = static_cast<uint32_t>(flow.cookie);
  order.socket.id.idiag_cookie[1] = static_cast<uint32_t>(flow.cookie >> 32);
  return order;
}

// The kernel answers within send(): an answer that is not there is a fault, not a wait.
Result<bool> answer_of(int netlink) {
  struct {
    nlmsghdr header;
    nlmsgerr error;
    std::array<char, 256> rest;
  } answer{};
  const ssize_t size = recv(netlink, &answer, sizeof(answer), MSG_DONTWAIT);
  if (size < static_cast<ssize_t>(sizeof(nlmsghdr) + sizeof(int)) || answer.header.nlmsg_type != NLMSG_ERROR) {
    return fail("SOCK_DESTROY: no answer");
  }
  if (answer.error.error == -ENOENT) {
    return false;
  }
  if (answer.error.error != 0) {
    return fail_sys("SOCK_DESTROY", -answer.error.error);
  }
  return true;
}

}  // namespace

Result<size_t> end_connections(const workload::NetnsDoor& door, int netns_fd, std::span<const fl_flow> flows) {
  return door.inside(netns_fd, [&]() -> Result<size_t> {
    const Fd netlink(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!netlink) {
      return fail_sys("socket diagnosis");
    }
    size_t ended = 0;
    uint32_t sequence = 0;
    for (const fl_flow& flow : flows) {
      const Order order = order_for(flow, ++sequence);
      if (send(netlink.get(), &order, sizeof(order), 0) != static_cast<ssize_t>(sizeof(order))) {
        return fail_sys("SOCK_DESTROY");
      }
      const auto answer = answer_of(netlink.get());
      if (!answer) {
        return std::unexpected(answer.error());
      }
      ended += *answer ? 1 : 0;
    }
    return ended;
  });
}

}  // namespace fairlead::flow
