/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * cgroup sock_ops: who is at the other end? Writes the connection table when a socket of a meshed pod sends its SYN,
 * hands the entry to the socket that accepts it, and ends it. Design section 4.
 *
 * Runs about eleven times per TCP connection of the cgroup: what is not one of three events leaves at once.
 */
#include "bpf/lib/addr.bpf.h"
#include "bpf/lib/connections.bpf.h"
#include "bpf/lib/count.bpf.h"
#include "bpf/lib/flow.bpf.h"
#include "bpf/lib/load.bpf.h"
#include "bpf/lib/socket.bpf.h"
#include "bpf/lib/tuple.bpf.h"
#include "bpf/lib/workload.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* A proxy's socket: the destination side has judged where the socket lives in the destination pod itself. */
static __always_inline void describe_upstream(struct bpf_sock* sk, const struct fl_pod* pod,
                                              const struct fl_sockaddr* to, struct fl_connection* entry) {
  entry->kind = fl_addr_of_pod(&to->ip, pod) ? FL_CONNECTION_TO_APP : FL_CONNECTION_PROXIED;
  const struct fl_socket* socket = fl_socket_of(sk);
  if (socket != NULL) {
    entry->client = socket->claim;
  }
}

/* An application's socket that connect() had nothing to say of: redirected, or on its way to a pod of this node. False:
 * needs no entry. */
static __always_inline bool describe_application(struct bpf_sock* sk, const struct fl_pod* pod,
                                                 const struct fl_sockaddr* to, struct fl_connection* entry) {
  if (fl_addr_is_loopback(&to->ip)) {
    const struct fl_socket* socket = fl_socket_of(sk);
    if (socket == NULL || socket->kind != FL_CONNECTION_OUTBOUND) {
      return false;
    }
    entry->kind = FL_CONNECTION_OUTBOUND;
    entry->original = socket->original;
    entry->kept = socket->kept;
    return true;
  }
  entry->kind = FL_CONNECTION_KERNEL;
  if (fl_addr_of_pod(&to->ip, pod)) {
    return true;
  }
  const struct fl_target* target = fl_find_target(to);
  return target != NULL && target->kind == FL_TARGET_POD && target->owner != 0;
}

static __always_inline void watch_states(struct bpf_sock_ops* ctx) {
  bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

/* The kernel path: connect() has found everything out. */
static __always_inline void on_kernel_path(struct bpf_sock_ops* ctx, struct fl_socket* socket) {
  struct fl_tuple tuple;
  fl_tuple_of_sock_ops(ctx, &tuple);
  socket->opened_ns = bpf_ktime_get_ns();
  watch_states(ctx);
  fl_load_add(socket, &tuple.remote);
  __u64 cookie = bpf_get_socket_cookie(ctx); /* made on first use: the list of open connections reads the field */
  if (socket->destination_netns == 0) {
    return;
  }
  struct fl_connection entry = {.source_netns = socket->source_netns,
                                .socket_cookie = cookie,
                                .identity = socket->identity,
                                .kind = FL_CONNECTION_KERNEL};
  struct fl_connection_key key;
  fl_connection_key_of(&tuple.local, &tuple.remote, socket->source_netns, &key);
  socket->in_table = fl_connection_add(&key, &entry);
}

/* Addresses and ports are final, the SYN is not sent yet. */
static __always_inline void on_connect(struct bpf_sock_ops* ctx, struct bpf_sock* sk) {
  struct fl_socket* socket = fl_socket_of(sk);
  if (socket != NULL && socket->reporters != 0) {
    on_kernel_path(ctx, socket);
    return;
  }
  __u64 netns = bpf_get_netns_cookie(ctx);
  const struct fl_pod* pod = bpf_map_lookup_elem(&m_pods, &netns);
  if (pod == NULL || pod->mode == FL_MODE_OFF) {
    return;
  }
  struct fl_tuple tuple;
  fl_tuple_of_sock_ops(ctx, &tuple);
  struct fl_connection entry = {
      .source_netns = netns, .socket_cookie = bpf_get_socket_cookie(ctx), .identity = pod->identity};
  const struct fl_tag* tag = fl_tag_of(sk);
  if (tag != NULL && tag->role == FL_TAG_UPSTREAM) {
    describe_upstream(sk, pod, &tuple.remote, &entry);
  } else if (!describe_application(sk, pod, &tuple.remote, &entry)) {
    return;
  }
  struct fl_connection_key key;
  fl_connection_key_of(&tuple.local, &tuple.remote, netns, &key);
  if (fl_connection_add(&key, &entry)) {
    watch_states(ctx);
  }
}

/* A proxy's socket remembers all of it, an application's only the client that it shall be shown. */
static __always_inline void hand_over(struct bpf_sock* sk, const struct fl_connection* entry) {
  bool tagged = fl_tag_of(sk) != NULL;
  if (!tagged && (entry->kind == FL_CONNECTION_OUTBOUND || fl_addr_is_none(&entry->client.ip))) {
    return;
  }
  struct fl_socket* socket = fl_remember(sk);
  if (socket == NULL) {
    return;
  }
  if (!tagged) {
    socket->shown_peer = entry->client;
    return;
  }
  socket->source_netns = entry->source_netns;
  socket->original = entry->original;
  socket->claim = entry->client;
  socket->identity = entry->identity;
  socket->kind = entry->kind;
}

/* A caller whose end nobody here watches: from outside, or a proxy that serves another pod. `entry`: NULL: none. */
static __always_inline void watch_arrival(struct bpf_sock_ops* ctx, struct bpf_sock* sk, const struct fl_tuple* tuple,
                                          const struct fl_connection* entry) {
  if ((entry != NULL && entry->kind != FL_CONNECTION_PROXIED) || fl_addr_is_loopback(&tuple->local.ip) ||
      fl_tag_of(sk) != NULL) {
    return;
  }
  struct fl_socket* socket = fl_remember(sk);
  if (socket == NULL) {
    return;
  }
  if (entry != NULL) {
    socket->source_netns = entry->source_netns;
    socket->identity = entry->identity;
  }
  socket->original = tuple->local;
  socket->destination_netns = bpf_get_netns_cookie(ctx);
  socket->opened_ns = bpf_ktime_get_ns();
  socket->reporters = FL_REPORT_DESTINATION;
  socket->established = true;
  socket->in_mesh = true;
  bpf_get_socket_cookie(ctx); /* made on first use: the list of open connections reads the field */
  watch_states(ctx);
}

/* The accepted socket exists, no accept() has returned it yet. The entry has done its work; one that outlived the
 * server's socket could be used again by a hand-made SYN. */
static __always_inline void on_accepted(struct bpf_sock_ops* ctx, struct bpf_sock* sk) {
  __u64 netns = bpf_get_netns_cookie(ctx);
  const struct fl_pod* pod = bpf_map_lookup_elem(&m_pods, &netns);
  if (pod == NULL) {
    return;
  }
  struct fl_tuple tuple;
  fl_tuple_of_sock_ops(ctx, &tuple);
  struct fl_connection_key key;
  fl_connection_key_of(&tuple.remote, &tuple.local, netns, &key);
  const struct fl_connection* entry = bpf_map_lookup_elem(&m_connections, &key);
  if (pod->mode == FL_MODE_NODE) {
    watch_arrival(ctx, sk, &tuple, entry);
  }
  if (entry == NULL) {
    return;
  }
  __u64 source_netns = entry->source_netns;
  hand_over(sk, entry);
  fl_connection_remove(&key, source_netns);
}

/* The connecting socket is closed. The tuple may be somebody else's by now: only the entry's own socket ends it. */
static __always_inline void end_entry(struct bpf_sock_ops* ctx, const struct fl_tuple* tuple) {
  struct fl_connection_key key;
  fl_connection_key_of(&tuple->local, &tuple->remote, bpf_get_netns_cookie(ctx), &key);
  const struct fl_connection* entry = bpf_map_lookup_elem(&m_connections, &key);
  if (entry != NULL && entry->socket_cookie == bpf_get_socket_cookie(ctx)) {
    fl_connection_remove(&key, entry->source_netns);
  }
}

/* A watched connection has ended: its record, and its part of the sums. */
static __always_inline void end_watch(struct bpf_sock_ops* ctx, struct bpf_sock* sk, struct fl_socket* socket,
                                      const struct fl_tuple* tuple) {
  struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
  if (tcp == NULL) {
    return;
  }
  struct fl_flow flow = {};
  fl_flow_fill(socket, tuple, &flow);
  flow.cookie = bpf_get_socket_cookie(ctx);
  fl_flow_bytes(tcp, ((struct sock*)tcp)->__sk_common.skc_flags >> SOCK_DONE & 1, socket, &flow);
  socket->reporters = 0;
  flow.ended_ns = bpf_ktime_get_ns();
  flow.reason = flow.established ? FL_REASON_KERNEL_PATH : FL_REASON_UPSTREAM_CONNECT_FAILED;
  if (flow.established) {
    fl_traffic_add(&flow);
  }
  fl_flow_send(&flow);
}

static __always_inline void on_state(struct bpf_sock_ops* ctx, struct bpf_sock* sk) {
  __u32 state = ctx->args[1];
  if (state != BPF_TCP_ESTABLISHED && state != BPF_TCP_CLOSE) {
    return;
  }
  struct fl_socket* socket = fl_socket_of(sk);
  if (state == BPF_TCP_ESTABLISHED) {
    if (socket != NULL) {
      socket->established = true;
    }
    return;
  }
  struct fl_tuple tuple;
  fl_tuple_of_sock_ops(ctx, &tuple);
  bool watched = socket != NULL && socket->reporters != 0;
  if (!watched || socket->in_table) {
    end_entry(ctx, &tuple);
  }
  if (watched) {
    fl_load_remove(socket, &tuple.remote);
    end_watch(ctx, sk, socket, &tuple);
  }
}

SEC("sockops")
int sock_ops(struct bpf_sock_ops* ctx) {
  struct bpf_sock* sk = ctx->sk;
  if (sk == NULL) {
    return FL_PROCEED;
  }
  switch (ctx->op) {
    case BPF_SOCK_OPS_TCP_CONNECT_CB:
      on_connect(ctx, sk);
      break;
    case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
      on_accepted(ctx, sk);
      break;
    case BPF_SOCK_OPS_STATE_CB:
      on_state(ctx, sk);
      break;
    default:
      break;
  }
  return FL_PROCEED;
}
