/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * cgroup getpeername4/6 (also behind accept()) and getsockname4/6: what does an application see of its connection? The
 * client that a proxy stated, or the address that it dialled itself; its pod's own address instead of loopback.
 */
#include "bpf/lib/addr.bpf.h"
#include "bpf/lib/socket.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* What the socket's peer shall look like; NULL: the truth. */
static __always_inline const struct fl_sockaddr* shown_peer(struct bpf_sock_addr* ctx) {
  struct bpf_sock* sk = ctx->sk;
  if (sk == NULL) {
    return NULL;
  }
  const struct fl_socket* socket = fl_socket_of(sk);
  return socket != NULL && !fl_addr_is_none(&socket->shown_peer.ip) ? &socket->shown_peer : NULL;
}

/* The pod of a socket that was redirected to an outbound listener; NULL: not such a socket. */
static __always_inline const struct fl_pod* redirected_pod(struct bpf_sock_addr* ctx) {
  struct bpf_sock* sk = ctx->sk;
  if (sk == NULL) {
    return NULL;
  }
  const struct fl_socket* socket = fl_socket_of(sk);
  if (socket == NULL || socket->kind != FL_CONNECTION_OUTBOUND || fl_tag_of(sk) != NULL) {
    return NULL;
  }
  __u64 netns = socket->source_netns;
  return bpf_map_lookup_elem(&m_pods, &netns);
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr* ctx) {
  const struct fl_sockaddr* peer = shown_peer(ctx);
  if (peer != NULL && fl_addr_is_v4(&peer->ip)) { /* an IPv4 socket cannot show an IPv6 client */
    ctx->user_ip4 = peer->ip.w[3];
    ctx->user_port = peer->port;
  }
  return FL_PROCEED;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr* ctx) {
  const struct fl_sockaddr* peer = shown_peer(ctx);
  if (peer != NULL) {
    ctx->user_ip6[0] = peer->ip.w[0];
    ctx->user_ip6[1] = peer->ip.w[1];
    ctx->user_ip6[2] = peer->ip.w[2];
    ctx->user_ip6[3] = peer->ip.w[3];
    ctx->user_port = peer->port;
  }
  return FL_PROCEED;
}

SEC("cgroup/getsockname4")
int getsockname4(struct bpf_sock_addr* ctx) {
  struct fl_addr local = fl_addr_v4(ctx->user_ip4);
  if (!fl_addr_is_loopback(&local)) {
    return FL_PROCEED;
  }
  const struct fl_pod* pod = redirected_pod(ctx);
  if (pod != NULL && !fl_addr_is_none(&pod->ip4)) {
    ctx->user_ip4 = pod->ip4.w[3];
  }
  return FL_PROCEED;
}

SEC("cgroup/getsockname6")
int getsockname6(struct bpf_sock_addr* ctx) {
  struct fl_addr local;
  local.w[0] = ctx->user_ip6[0];
  local.w[1] = ctx->user_ip6[1];
  local.w[2] = ctx->user_ip6[2];
  local.w[3] = ctx->user_ip6[3];
  if (!fl_addr_is_loopback(&local)) {
    return FL_PROCEED;
  }
  const struct fl_pod* pod = redirected_pod(ctx);
  if (pod == NULL) {
    return FL_PROCEED;
  }
  struct fl_addr own = fl_addr_is_v4(&local) ? pod->ip4 : pod->ip6;
  if (!fl_addr_is_none(&own)) {
    ctx->user_ip6[0] = own.w[0];
    ctx->user_ip6[1] = own.w[1];
    ctx->user_ip6[2] = own.w[2];
    ctx->user_ip6[3] = own.w[3];
  }
  return FL_PROCEED;
}
