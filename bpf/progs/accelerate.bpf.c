/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * cgroup sock_ops, the second one, attached behind `sock_ops` when the first workload wants acceleration: which sockets
 * may be redirected? Both ends of a connection have to be established by sockets of pods that want it, each a proxy's
 * or one that its application uses without blocking: a blocking recv() on a member of a sockhash fails with EAGAIN at
 * any wake-up without data (Linux 6.18, net/ipv4/tcp_bpf.c, tcp_bpf_recvmsg). A socket can only join in these two
 * callbacks, so that has to be known then. At the connecting end the file tells. An accepted socket has no file yet:
 * one that came before from the same listener has shown it. What a connecting socket was when it connected it need not
 * remain (Java's connect with a time limit), so the first of each destination is watched too.
 */
#include "bpf/lib/accelerate.bpf.h"

#include "bpf/lib/addr.bpf.h"
#include "bpf/lib/socket.bpf.h"
#include "bpf/lib/tcp_sock.bpf.h"
#include "bpf/lib/tuple.bpf.h"
#include "bpf/lib/workload.bpf.h"

char fl_license[] SEC("license") = "GPL";

static __always_inline void fl_add_callbacks(struct bpf_sock_ops* ctx, int flags) {
  bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | flags);
}

/* The pod of this netns, if its sockets may be accelerated. */
static __always_inline const struct fl_pod* fl_accelerated_pod(__u64 netns) {
  const struct fl_pod* pod = bpf_map_lookup_elem(&m_pods, &netns);
  return pod != NULL && pod->mode != FL_MODE_OFF && (pod->flags & FL_POD_ACCELERATED) != 0 ? pod : NULL;
}

static __always_inline void count(__u64 netns, enum fl_outcome outcome) {
  struct fl_outcomes* outcomes = bpf_map_lookup_elem(&m_outcomes, &netns);
  if (outcomes == NULL) {
    struct fl_outcomes none = {};
    bpf_map_update_elem(&m_outcomes, &netns, &none, BPF_NOEXIST); /* another CPU may have been first: as good */
    outcomes = bpf_map_lookup_elem(&m_outcomes, &netns);
  }
  if (outcomes != NULL) {
    __sync_fetch_and_add(&outcomes->count[outcome], 1);
  }
}

/* Watches this connection, which stays on TCP, until it shows its manner. */
static __always_inline void watch(struct bpf_sock_ops* ctx, const struct fl_manner_key* key) {
  struct fl_leg leg = {.manner = *key, .state = FL_LEG_LEARNING};
  __u64 cookie = bpf_get_socket_cookie(ctx);
  if (bpf_map_update_elem(&m_legs, &cookie, &leg, BPF_NOEXIST) == 0) {
    fl_add_callbacks(ctx, BPF_SOCK_OPS_RTT_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG);
  }
}

/* Whether this application's sockets are known not to block. Not known yet: this one is watched. */
static __always_inline bool well_mannered(struct bpf_sock_ops* ctx, const struct fl_manner_key* key) {
  __u8 manner = fl_manner_of(key);
  if (manner == FL_MANNER_UNKNOWN) {
    watch(ctx, key);
    count(key->netns, FL_OUTCOME_WATCHED);
  } else if (manner == FL_MANNER_BLOCKING) {
    count(key->netns, FL_OUTCOME_BLOCKING);
  }
  return manner == FL_MANNER_NON_BLOCKING;
}

static __always_inline bool join(struct bpf_sock_ops* ctx, __u64 netns, __u64 cookie, const struct fl_leg* leg) {
  if (bpf_map_update_elem(&m_legs, &cookie, leg, BPF_NOEXIST) != 0) {
    count(netns, FL_OUTCOME_NO_ROOM);
    return false;
  }
  if (bpf_sock_hash_update(ctx, &m_members, &cookie, BPF_NOEXIST) != 0) {
    bpf_map_delete_elem(&m_legs, &cookie);
    count(netns, FL_OUTCOME_NO_ROOM);
    return false;
  }
  count(netns, FL_OUTCOME_JOINED);
  struct fl_socket* socket = ctx->sk != NULL ? fl_socket_of(ctx->sk) : NULL;
  if (socket != NULL) {
    socket->is_leg = true;
  }
  fl_add_callbacks(ctx, BPF_SOCK_OPS_STATE_CB_FLAG);
  return true;
}

/* Whether the socket that will be accepted at `to` is going to join: this end shall not be a member for nothing. */
static __always_inline bool other_end_joins(struct bpf_sock* sk, const struct fl_pod* pod, __u64 netns,
                                            const struct fl_sockaddr* to) {
  const struct fl_tag* tag = fl_tag_of(sk);
  if (fl_addr_is_loopback(&to->ip)) {
    const struct fl_socket* socket = fl_socket_of(sk);
    return tag == NULL && socket != NULL && socket->kind == FL_CONNECTION_OUTBOUND;
  }
  struct fl_manner_key listener = {.netns = netns, .port = to->port, .side = FL_SIDE_PASSIVE};
  if (!fl_addr_of_pod(&to->ip, pod)) {
    const struct fl_target* target = fl_find_target(to);
    if (target == NULL || target->kind != FL_TARGET_POD || fl_accelerated_pod(target->owner) == NULL) {
      return false;
    }
    if (tag != NULL && target->protocol == FL_PROTOCOL_HTTP) {
      return true; /* steer hands it to a proxy */
    }
    listener.netns = target->owner;
  }
  return fl_manner_of(&listener) == FL_MANNER_NON_BLOCKING;
}

/* NULL, and counted: what is on top of TCP would be passed by. */
static __always_inline const struct tcp_sock* plain_tcp(struct bpf_sock* sk, __u64 netns) {
  const struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
  if (tcp == NULL || !fl_is_plain_tcp(tcp)) {
    count(netns, FL_OUTCOME_NOT_PLAIN);
    return NULL;
  }
  return tcp;
}

static __always_inline void on_active(struct bpf_sock_ops* ctx, struct bpf_sock* sk) {
  __u64 netns = bpf_get_netns_cookie(ctx);
  const struct fl_pod* pod = fl_accelerated_pod(netns);
  if (pod == NULL) {
    return;
  }
  const struct tcp_sock* tcp = plain_tcp(sk, netns);
  if (tcp == NULL) {
    return;
  }
  struct fl_tuple tuple;
  fl_tuple_of_sock_ops(ctx, &tuple);
  struct fl_manner_key own = {.netns = netns, .port = tuple.remote.port, .side = FL_SIDE_ACTIVE};
  if (fl_tag_of(sk) != NULL) {
    own = (struct fl_manner_key){};
  } else if (fl_file_manner(tcp) != FL_FILE_NON_BLOCKING) {
    count(netns, FL_OUTCOME_BLOCKING);
    return;
  } else if (!well_mannered(ctx, &own)) {
    return;
  }
  if (!other_end_joins(sk, pod, netns, &tuple.remote)) {
    count(netns, FL_OUTCOME_OTHER_END);
    return;
  }
  __u64 cookie = bpf_get_socket_cookie(ctx);
  struct fl_meeting meeting = {.cookie = cookie, .sock = (__u64)tcp};
  struct fl_leg leg = {.manner = own, .state = FL_LEG_TCP};
  struct fl_connection_key key;
  fl_connection_key_of(&tuple.local, &tuple.remote, netns, &key);
  if (join(ctx, netns, cookie, &leg)) {
    bpf_map_update_elem(&m_meetings, &key, &meeting, BPF_ANY); /* what is there is older: that socket is gone */
  }
}

/* No accept() has returned the socket yet: no file. */
static __always_inline void on_passive(struct bpf_sock_ops* ctx, struct bpf_sock* sk) {
  __u64 netns = bpf_get_netns_cookie(ctx);
  if (fl_accelerated_pod(netns) == NULL) {
    return;
  }
  const struct tcp_sock* tcp = plain_tcp(sk, netns);
  if (tcp == NULL) {
    return;
  }
  struct fl_tuple tuple;
  fl_tuple_of_sock_ops(ctx, &tuple);
  struct fl_manner_key own = {.netns = netns, .port = tuple.local.port, .side = FL_SIDE_PASSIVE};
  if (fl_tag_of(sk) != NULL) {
    own = (struct fl_manner_key){};
  } else if (!well_mannered(ctx, &own)) {
    return;
  }
  struct fl_connection_key key;
  fl_connection_key_of(&tuple.remote, &tuple.local, netns, &key);
  const struct fl_meeting* meeting = bpf_map_lookup_elem(&m_meetings, &key);
  if (meeting == NULL) {
    count(netns, FL_OUTCOME_OTHER_END);
    return;
  }
  __u64 cookie = bpf_get_socket_cookie(ctx);
  struct fl_leg leg = {.peer = meeting->cookie, .peer_sock = meeting->sock, .manner = own, .state = FL_LEG_TCP};
  bpf_map_delete_elem(&m_meetings, &key);
  struct fl_leg* other = fl_leg_of(leg.peer);
  if (other == NULL) {
    return;
  }
  leg.is_hop = own.side == 0 || other->manner.side == 0;
  if (!join(ctx, netns, cookie, &leg)) {
    return;
  }
  other->is_hop = leg.is_hop;
  other->peer_sock = (__u64)tcp;
  other->peer = cookie; /* from here on it may redirect */
}

/* A segment of a watched connection was acknowledged: its application has the socket, and has sent something. */
static __always_inline void on_round_trip(struct bpf_sock_ops* ctx, struct bpf_sock* sk) {
  const struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
  __u64 cookie = bpf_get_socket_cookie(ctx);
  const struct fl_leg* leg = fl_leg_of(cookie);
  if (tcp == NULL || leg == NULL || leg->state != FL_LEG_LEARNING || ctx->data_segs_out == 0) {
    return;
  }
  enum fl_file_manner manner = fl_file_manner(tcp);
  if (manner == FL_FILE_NONE) {
    return;
  }
  struct fl_manner_key key = leg->manner;
  fl_learn_manner(&key, manner == FL_FILE_NON_BLOCKING ? FL_MANNER_NON_BLOCKING : FL_MANNER_BLOCKING);
  bpf_map_delete_elem(&m_legs, &cookie);
  bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags & ~BPF_SOCK_OPS_RTT_CB_FLAG);
}

static __always_inline void on_closed(struct bpf_sock_ops* ctx) {
  __u64 cookie = bpf_get_socket_cookie(ctx);
  const struct fl_leg* leg = fl_leg_of(cookie);
  if (leg == NULL) {
    return;
  }
  struct fl_leg* other = leg->peer != 0 ? fl_leg_of(leg->peer) : NULL;
  if (other != NULL) {
    other->peer_sent = leg->sent;
    other->peer = 0;
  } else if (leg->state == FL_LEG_TCP) { /* perhaps nobody came */
    struct fl_tuple tuple;
    fl_tuple_of_sock_ops(ctx, &tuple);
    struct fl_connection_key key;
    fl_connection_key_of(&tuple.local, &tuple.remote, bpf_get_netns_cookie(ctx), &key);
    const struct fl_meeting* meeting = bpf_map_lookup_elem(&m_meetings, &key);
    if (meeting != NULL && meeting->cookie == cookie) {
      bpf_map_delete_elem(&m_meetings, &key);
    }
  }
  bpf_map_delete_elem(&m_legs, &cookie);
}

SEC("sockops")
int accelerate(struct bpf_sock_ops* ctx) {
  struct bpf_sock* sk = ctx->sk;
  if (sk == NULL) {
    return FL_PROCEED;
  }
  switch (ctx->op) {
    case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
      if (fl_acceleration_on()) {
        on_active(ctx, sk);
      }
      break;
    case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
      if (fl_acceleration_on()) {
        on_passive(ctx, sk);
      }
      break;
    case BPF_SOCK_OPS_RTT_CB:
      on_round_trip(ctx, sk);
      break;
    case BPF_SOCK_OPS_STATE_CB:
      if (ctx->args[1] == BPF_TCP_CLOSE) {
        on_closed(ctx);
      }
      break;
    default:
      break;
  }
  return FL_PROCEED;
}
