/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * The one place that turns the fields of a context into keys of m_connections. Every context has its own byte order:
 * bpf_sock_ops.remote_port is the network-order port shifted into the upper half (kernel: net/core/filter.c,
 * sock_ops_convert_ctx_access), local_port is in host order in all of them.
 */
#pragma once

#include "bpf/lib/addr.bpf.h"

/* Both ends as a socket sees them. */
struct fl_tuple {
  struct fl_sockaddr local;
  struct fl_sockaddr remote;
};

static __always_inline void fl_tuple_of_sock_ops(struct bpf_sock_ops* ctx, struct fl_tuple* tuple) {
  if (ctx->family == AF_INET) {
    tuple->local.ip = fl_addr_v4(ctx->local_ip4);
    tuple->remote.ip = fl_addr_v4(ctx->remote_ip4);
    FL_KEEP_APART();
  } else { /* IPv4 on an IPv6 socket shows in mapped form */
    FL_KEEP_APART();
    tuple->local.ip.w[0] = ctx->local_ip6[0];
    tuple->local.ip.w[1] = ctx->local_ip6[1];
    tuple->local.ip.w[2] = ctx->local_ip6[2];
    tuple->local.ip.w[3] = ctx->local_ip6[3];
    tuple->remote.ip.w[0] = ctx->remote_ip6[0];
    tuple->remote.ip.w[1] = ctx->remote_ip6[1];
    tuple->remote.ip.w[2] = ctx->remote_ip6[2];
    tuple->remote.ip.w[3] = ctx->remote_ip6[3];
  }
  tuple->local.port = bpf_htons(ctx->local_port);
  tuple->remote.port = bpf_htons(bpf_ntohl(ctx->remote_port));
}

static __always_inline void fl_tuple_of_sk_lookup(struct bpf_sk_lookup* ctx, struct fl_tuple* tuple) {
  if (ctx->family == AF_INET) {
    tuple->local.ip = fl_addr_v4(ctx->local_ip4);
    tuple->remote.ip = fl_addr_v4(ctx->remote_ip4);
    FL_KEEP_APART();
  } else {
    FL_KEEP_APART();
    tuple->local.ip.w[0] = ctx->local_ip6[0];
    tuple->local.ip.w[1] = ctx->local_ip6[1];
    tuple->local.ip.w[2] = ctx->local_ip6[2];
    tuple->local.ip.w[3] = ctx->local_ip6[3];
    tuple->remote.ip.w[0] = ctx->remote_ip6[0];
    tuple->remote.ip.w[1] = ctx->remote_ip6[1];
    tuple->remote.ip.w[2] = ctx->remote_ip6[2];
    tuple->remote.ip.w[3] = ctx->remote_ip6[3];
  }
  tuple->local.port = bpf_htons(ctx->local_port);
  tuple->remote.port = ctx->remote_port;
}

/* `netns`: of the socket. It is part of the key where an end is a loopback address: those repeat in every netns. */
static __always_inline void fl_connection_key_of(const struct fl_sockaddr* source,
                                                 const struct fl_sockaddr* destination, __u64 netns,
                                                 struct fl_connection_key* key) {
  key->source = source->ip;
  key->destination = destination->ip;
  key->source_port = source->port;
  key->destination_port = destination->port;
  key->pad = 0;
  bool loopback = fl_addr_is_loopback(&source->ip) || fl_addr_is_loopback(&destination->ip);
  key->netns = loopback ? netns : 0;
}
