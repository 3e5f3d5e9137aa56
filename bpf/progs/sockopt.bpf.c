/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * cgroup setsockopt/getsockopt at our private level, on the agent's own cgroup only: a hook on applications would cost
 * each of their calls some 400 ns. A socket belongs to its creator's cgroup, so a proxy reaches these programs through
 * the sockets that the agent made for it. Contract: bpf/abi/connection.h.
 */
#include "bpf/lib/accelerate.bpf.h"
#include "bpf/lib/addr.bpf.h"
#include "bpf/lib/socket.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* A proxy states for which client it is about to connect. */
SEC("cgroup/setsockopt")
int setsockopt(struct bpf_sockopt* ctx) {
  if (ctx->level != FL_SOL) {
    return FL_PROCEED;
  }
  struct bpf_sock* sk = ctx->sk;
  struct fl_sockaddr* claim = ctx->optval;
  if (ctx->optname != FL_SO_CLAIM || sk == NULL || ctx->optlen != sizeof(*claim) ||
      (void*)(claim + 1) > ctx->optval_end) {
    return FL_FORBID;
  }
  const struct fl_tag* tag = fl_tag_of(sk);
  if (tag == NULL || tag->role != FL_TAG_UPSTREAM) {
    return FL_FORBID;
  }
  struct fl_socket* socket = fl_remember(sk);
  if (socket == NULL) {
    return FL_FORBID;
  }
  socket->claim = *claim;
  socket->claim.pad = 0;
  ctx->optlen = -1; /* done: the kernel, which does not know the level, shall not see it */
  return FL_PROCEED;
}

static __always_inline void local_address(struct bpf_sock* sk, struct fl_sockaddr* local) {
  if (sk->family == AF_INET) {
    local->ip = fl_addr_v4(sk->src_ip4);
    FL_KEEP_APART();
  } else {
    FL_KEEP_APART();
    local->ip.w[0] = sk->src_ip6[0];
    local->ip.w[1] = sk->src_ip6[1];
    local->ip.w[2] = sk->src_ip6[2];
    local->ip.w[3] = sk->src_ip6[3];
  }
  local->port = bpf_htons(sk->src_port);
}

/* A proxy asks whether its connection is one of those by which the programs learn how the application's sockets are
 * used: it cannot join, the next one may. */
static __always_inline void answer_watched(struct bpf_sockopt* ctx, struct bpf_sock* sk, const struct fl_tag* tag) {
  __u32* answer = ctx->optval;
  if ((void*)(answer + 1) > ctx->optval_end || tag->role != FL_TAG_UPSTREAM) {
    return;
  }
  struct fl_manner_key listener = {.netns = tag->netns, .port = sk->dst_port, .side = FL_SIDE_PASSIVE};
  *answer = fl_acceleration_on() && fl_manner_of(&listener) == FL_MANNER_UNKNOWN;
  ctx->optlen = sizeof(*answer);
  FL_KEEP_APART();
  ctx->retval = 0;
}

/* A proxy asks who is at the other end of a connection that it accepted. Runs after the kernel, which has answered
 * that it does not know the option (EOPNOTSUPP on Linux 6.18, ENOPROTOOPT on older ones): that stands for everything
 * that is not ours to answer. */
SEC("cgroup/getsockopt")
int getsockopt(struct bpf_sockopt* ctx) {
  if (ctx->level != FL_SOL) {
    return FL_PROCEED;
  }
  struct bpf_sock* sk = ctx->sk;
  const struct fl_tag* asked = sk != NULL && ctx->optname == FL_SO_WATCHED ? fl_tag_of(sk) : NULL;
  if (asked != NULL) {
    answer_watched(ctx, sk, asked);
    return FL_PROCEED;
  }
  struct fl_connection_info* info = ctx->optval;
  if (ctx->optname != FL_SO_CONNECTION || sk == NULL || (void*)(info + 1) > ctx->optval_end) {
    return FL_PROCEED;
  }
  const struct fl_tag* tag = fl_tag_of(sk);
  if (tag == NULL || tag->role == FL_TAG_UPSTREAM) {
    return FL_PROCEED;
  }
  struct fl_connection_info answer = {};
  const struct fl_socket* socket = fl_socket_of(sk);
  if (socket != NULL) {
    answer.source_netns = socket->source_netns;
    answer.original = socket->original;
    answer.client = socket->claim;
    answer.identity = socket->identity;
    answer.kind = socket->kind;
  }
  if (answer.kind != FL_CONNECTION_OUTBOUND) {
    local_address(sk, &answer.original);
  }
  *info = answer;
  ctx->optlen = sizeof(*info);
  FL_KEEP_APART();
  ctx->retval = 0;
  return FL_PROCEED;
}
