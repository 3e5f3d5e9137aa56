/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * cgroup connect4/connect6: where does the connection go that an application is about to open? Untouched, to an
 * endpoint (the kernel path), to the pod's outbound listener, or nowhere. Design section 3.
 */
#include "bpf/lib/addr.bpf.h"
#include "bpf/lib/balance.bpf.h"
#include "bpf/lib/compat.bpf.h"
#include "bpf/lib/count.bpf.h"
#include "bpf/lib/flow.bpf.h"
#include "bpf/lib/mptcp.bpf.h"
#include "bpf/lib/network.bpf.h"
#include "bpf/lib/policy.bpf.h"
#include "bpf/lib/socket.bpf.h"
#include "bpf/lib/workload.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* One connect() of a meshed pod, and what is found out about it. */
struct dial {
  struct bpf_sock* sk;
  const struct fl_pod* pod;
  const struct fl_target* target; /* NULL: not in the mesh */
  __u64 netns;
  struct fl_addr bound; /* source that the application bound; none if it did not */
  struct fl_sockaddr dialled;
  struct fl_backend end; /* the endpoint, and whose it is; none: none was chosen */
  __u32 policy;          /* number of the one that decided; 0: none */
  __be16 proxy_port;     /* the outbound listener to go to instead of the endpoint; 0: none */
  bool kept;             /* session affinity keeps the endpoint: a proxy shall take it */
  enum fl_reason reason;
};

enum dial_answer {
  DIAL_UNTOUCHED,
  DIAL_REWRITTEN, /* to the endpoint, or to the listener at proxy_port */
  DIAL_REFUSED,   /* ECONNREFUSED */
  DIAL_FORBIDDEN, /* EPERM */
};

static __always_inline enum dial_answer because(struct dial* dial, enum dial_answer answer, enum fl_reason reason) {
  dial->reason = reason;
  return answer;
}

/* Keeps what was dialled: for getpeername(), for whoever accepts the connection, for its record. NULL: no memory. */
static __always_inline struct fl_socket* remember(const struct dial* dial, enum fl_connection_kind kind) {
  struct fl_socket* socket = fl_remember(dial->sk);
  if (socket == NULL) {
    return NULL;
  }
  socket->source_netns = dial->netns;
  socket->original = dial->dialled;
  socket->identity = dial->pod->identity;
  socket->kind = kind;
  if (dial->kept) {
    socket->kept = dial->end.address;
  }
  socket->counted = dial->target != NULL && dial->target->balance == FL_BALANCE_LEAST_CONNECTIONS;
  return socket;
}

/* Chooses an endpoint of the dialled service: dial->end. */
static __always_inline int pick(struct dial* dial, bool plain) {
  struct fl_choice choice = {.to = dial->dialled, .plain = plain};
  choice.client = fl_addr_is_v4(&choice.to.ip) ? dial->pod->ip4 : dial->pod->ip6;
  return fl_pick_backend(&choice, dial->target, &dial->end);
}

/* Its address as the other end will see it. */
static __always_inline struct fl_addr source_towards(const struct dial* dial, const struct fl_addr* to) {
  if (!fl_addr_is_none(&dial->bound)) {
    return dial->bound;
  }
  return fl_addr_is_v4(to) ? dial->pod->ip4 : dial->pod->ip6;
}

/* What network policy is asked, in plain values: a function that is verified once takes no pointers to maps. */
struct network_query {
  __u64 owner; /* of the endpoint; 0: no pod that this node serves */
  __u32 owner_class;
  __u32 ingress_set; /* of the owner */
  __u32 egress_set;
  __u32 source_class;
  struct fl_addr source;
  struct fl_sockaddr endpoint;
};

/* Global, so that the verifier walks it once and not for each of its callers. */
__noinline int network_admits(const struct network_query* query) {
  if (query == NULL) {
    return false;
  }
  struct fl_sockaddr endpoint = query->endpoint;
  if (query->egress_set != 0) {
    struct fl_network_peer to = {
        .pod_class = query->owner != 0 ? query->owner_class : fl_class_by_address(&endpoint.ip), .ip = &endpoint.ip};
    if (!fl_network_allows(query->egress_set, &to, endpoint.port)) {
      return false;
    }
  }
  if (query->owner == 0) {
    return true;
  }
  struct fl_addr source = query->source;
  struct fl_network_peer from = {.pod_class = query->source_class, .ip = &source};
  return fl_network_admits(query->owner, query->ingress_set, &from, endpoint.port);
}

/* The network policies of both ends. Pods that are not isolated, which are most, cost a test of two words at hand.
 * `destination`: the owner's pod; NULL: none. */
static __always_inline bool network_allows(const struct dial* dial, __u64 owner, const struct fl_pod* destination,
                                           const struct fl_sockaddr* endpoint) {
  if (owner == dial->netns) {
    return true; /* no pod can be kept from itself */
  }
  bool isolated = destination != NULL && destination->ingress_set != 0;
  if (dial->pod->egress_set == 0 && !isolated) {
    return true;
  }
  struct network_query query = {.owner = destination != NULL ? owner : 0,
                                .owner_class = destination != NULL ? destination->peer_class : 0,
                                .ingress_set = destination != NULL ? destination->ingress_set : 0,
                                .egress_set = dial->pod->egress_set,
                                .source_class = dial->pod->peer_class,
                                .source = source_towards(dial, &endpoint->ip),
                                .endpoint = *endpoint};
  return network_admits(&query);
}

static __always_inline const struct fl_pod* pod_of(__u64 owner) {
  return owner != 0 ? bpf_map_lookup_elem(&m_pods, &owner) : NULL;
}

/* The destination pod's L4 policy. A sidecar judges for its own pod, and nobody judges what arrives at a pod that is
 * off. An owner that has just gone is denied. */
static __always_inline bool owner_allows(struct dial* dial, const struct fl_pod* destination) {
  if (dial->end.owner == 0 || (destination != NULL && destination->mode != FL_MODE_NODE)) {
    return true;
  }
  if (destination != NULL && destination->policy_set == 0) {
    return true;
  }
  struct fl_addr source = source_towards(dial, &dial->end.address.ip);
  struct fl_subject subject = {.identity = dial->pod->identity, .ip = &source, .port = dial->end.address.port};
  return fl_pod_allows(dial->end.owner, destination, &subject, &dial->policy);
}

/* Who tells of this connection: we for the source, and for a destination that no proxy serves. */
static __always_inline bool watch(const struct dial* dial, const struct fl_pod* destination, bool shown) {
  struct fl_socket* socket = remember(dial, FL_CONNECTION_KERNEL);
  if (socket == NULL) {
    return false;
  }
  if (shown) {
    socket->shown_peer = dial->dialled;
  }
  socket->destination_netns = dial->end.owner;
  socket->policy = dial->policy;
  socket->in_mesh = dial->target != NULL;
  socket->is_source = true;
  socket->reporters = FL_REPORT_SOURCE;
  if (destination != NULL && destination->mode == FL_MODE_NODE) {
    socket->reporters |= FL_REPORT_DESTINATION;
  }
  return true;
}

/* Over the kernel path to `dial->end.address`. `answer`: with or without a rewrite. */
static __always_inline enum dial_answer to_endpoint(struct dial* dial, enum dial_answer answer) {
  const struct fl_pod* destination = pod_of(dial->end.owner);
  if (!network_allows(dial, dial->end.owner, destination, &dial->end.address)) {
    return because(dial, DIAL_FORBIDDEN, FL_REASON_NETWORK_DENIED);
  }
  if (!owner_allows(dial, destination)) {
    return because(dial, DIAL_FORBIDDEN, FL_REASON_POLICY_DENIED);
  }
  if (!watch(dial, destination, answer == DIAL_REWRITTEN)) {
    return because(dial, DIAL_REFUSED, FL_REASON_TABLE_FULL);
  }
  bool ours = dial->end.owner != 0 || answer == DIAL_REWRITTEN;
  return because(dial, answer, ours ? FL_REASON_KERNEL_PATH : FL_REASON_UNMESHED);
}

static __always_inline enum dial_answer to_service(struct dial* dial) {
  if (pick(dial, false) == FL_PICKED_NONE) {
    return because(dial, DIAL_REFUSED, FL_REASON_NO_ENDPOINT);
  }
  return to_endpoint(dial, DIAL_REWRITTEN);
}

/* A pod's own address, or one outside the mesh. */
static __always_inline enum dial_answer to_address(struct dial* dial) {
  dial->end.owner = dial->target != NULL ? dial->target->owner : 0;
  dial->end.address = dial->dialled;
  return to_endpoint(dial, DIAL_UNTOUCHED);
}

/* Before a proxy is asked: where it will connect to is not known yet, but the dialled pod, or an endpoint of the
 * dialled service as kube-proxy would have drawn it, is what the policies are about. The proxy judges the endpoint it
 * takes: the one that session affinity keeps, if the request is for this service. */
static __always_inline bool network_allows_dial(struct dial* dial) {
  if (dial->target->kind != FL_TARGET_SERVICE) {
    __u64 owner = dial->target->owner;
    return network_allows(dial, owner, pod_of(owner), &dial->dialled);
  }
  int picked = pick(dial, dial->target->affinity_s == 0);
  dial->kept = picked == FL_PICKED_KEPT;
  return picked == FL_PICKED_NONE || network_allows(dial, dial->end.owner, pod_of(dial->end.owner), &dial->end.address);
}

static __always_inline enum dial_answer to_proxy(struct dial* dial) {
  if (!network_allows_dial(dial)) {
    return because(dial, DIAL_FORBIDDEN, FL_REASON_NETWORK_DENIED);
  }
  bool v4 = fl_addr_is_v4(&dial->dialled.ip);
  __be16 port = v4 ? dial->pod->outbound_port4 : dial->pod->outbound_port6;
  if (port == 0) {
    return because(dial, DIAL_REFUSED, FL_REASON_NO_LISTENER);
  }
  struct fl_socket* socket = remember(dial, FL_CONNECTION_OUTBOUND);
  if (socket == NULL) {
    return because(dial, DIAL_REFUSED, FL_REASON_TABLE_FULL);
  }
  socket->shown_peer = dial->dialled;
  dial->proxy_port = port;
  return because(dial, DIAL_REWRITTEN, FL_REASON_TO_PROXY);
}

/* For a pod that is off: what kube-proxy would do where there is none. No policy, no identity, no record. */
static __always_inline enum dial_answer balance_only(struct dial* dial) {
  if (dial->target == NULL || dial->target->kind != FL_TARGET_SERVICE) {
    return because(dial, DIAL_UNTOUCHED, FL_REASON_UNMESHED);
  }
  if (pick(dial, true) == FL_PICKED_NONE) {
    return because(dial, DIAL_REFUSED, FL_REASON_NO_ENDPOINT);
  }
  struct fl_socket* socket = remember(dial, FL_CONNECTION_NONE);
  if (socket == NULL) {
    return because(dial, DIAL_REFUSED, FL_REASON_TABLE_FULL);
  }
  socket->shown_peer = dial->dialled;
  return because(dial, DIAL_REWRITTEN, FL_REASON_OFF_BALANCED);
}

static __always_inline enum dial_answer decide(struct dial* dial) {
  dial->target = fl_find_target(&dial->dialled);
  if (dial->target != NULL && dial->target->kind == FL_TARGET_NO_PORT) {
    return because(dial, DIAL_REFUSED, FL_REASON_NO_PORT);
  }
  if (dial->pod->mode == FL_MODE_OFF) {
    return balance_only(dial);
  }
  if (dial->target == NULL) {
    return to_address(dial);
  }
  if (dial->target->protocol == FL_PROTOCOL_DENY) {
    return because(dial, DIAL_FORBIDDEN, FL_REASON_L7_ON_OPAQUE);
  }
  if (dial->pod->mode == FL_MODE_SIDECAR || dial->target->protocol == FL_PROTOCOL_HTTP) {
    return to_proxy(dial);
  }
  return dial->target->kind == FL_TARGET_SERVICE ? to_service(dial) : to_address(dial);
}

/* The record of a connection that there will not be. */
static __always_inline void tell_refusal(const struct dial* dial) {
  struct fl_flow* flow = fl_flow_reserve();
  if (flow == NULL) {
    return;
  }
  flow->opened_ns = flow->ended_ns = bpf_ktime_get_ns();
  flow->source_netns = dial->netns;
  flow->destination_netns = dial->end.owner;
  flow->source.ip = source_towards(dial, &dial->dialled.ip);
  flow->dialled = dial->dialled;
  flow->destination = dial->end.address;
  flow->identity = dial->pod->identity;
  flow->policy = dial->policy;
  flow->reason = dial->reason;
  flow->in_mesh = dial->target != NULL;
  fl_flow_submit(flow);
}

/* Everything that is left alone without a look at the destination tables; else the decision. */
static __always_inline enum dial_answer answer(struct dial* dial, bool is_v4_only) {
  if (fl_tag_of(dial->sk) != NULL) {
    return DIAL_UNTOUCHED;
  }
  fl_forget(dial->sk);
  fl_mptcp_forget(dial->sk);
  if (fl_addr_is_loopback(&dial->dialled.ip) || fl_addr_of_pod(&dial->dialled.ip, dial->pod)) {
    return DIAL_UNTOUCHED;
  }
  enum dial_answer answer = decide(dial);
  if (answer == DIAL_REWRITTEN && dial->proxy_port == 0 && is_v4_only && !fl_addr_is_v4(&dial->end.address.ip)) {
    answer = because(dial, DIAL_REFUSED, FL_REASON_NO_ENDPOINT);
  }
  if (answer == DIAL_REWRITTEN && !fl_mptcp_remember(dial->sk)) {
    answer = because(dial, DIAL_REFUSED, FL_REASON_TABLE_FULL);
  }
  fl_count(dial->reason);
  if (answer == DIAL_REFUSED || answer == DIAL_FORBIDDEN) {
    tell_refusal(dial);
  }
  return answer;
}

/* The pod that this TCP socket lives in; NULL: leave it alone. The cheapest tests first: other namespaces pay for them.
 */
static __always_inline const struct fl_pod* dialling_pod(struct bpf_sock_addr* ctx, __u64* netns) {
  *netns = bpf_get_netns_cookie(ctx);
  const struct fl_pod* pod = bpf_map_lookup_elem(&m_pods, netns);
  if (pod == NULL || ctx->type != SOCK_STREAM || ctx->protocol != IPPROTO_TCP) {
    return NULL;
  }
  return pod;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr* ctx) {
  struct dial dial = {};
  dial.pod = dialling_pod(ctx, &dial.netns);
  dial.sk = ctx->sk;
  if (dial.pod == NULL || dial.sk == NULL) {
    return FL_PROCEED;
  }
  dial.dialled.ip = fl_addr_v4(ctx->user_ip4);
  dial.dialled.port = ctx->user_port;
  __be32 bound = dial.sk->src_ip4;
  if (bound != 0) {
    dial.bound = fl_addr_v4(bound);
  }
  switch (answer(&dial, true)) {
    case DIAL_UNTOUCHED:
      return FL_PROCEED;
    case DIAL_FORBIDDEN:
      return FL_FORBID;
    case DIAL_REFUSED:
      return fl_refuse();
    case DIAL_REWRITTEN:
      break;
  }
  if (dial.proxy_port != 0) {
    ctx->user_ip4 = bpf_htonl(0x7f000001);
    ctx->user_port = dial.proxy_port;
    return FL_PROCEED;
  }
  ctx->user_ip4 = dial.end.address.ip.w[3];
  ctx->user_port = dial.end.address.port;
  return FL_PROCEED;
}

/* Native IPv6 and, in mapped form, IPv4 through an IPv6 socket. */
SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr* ctx) {
  struct dial dial = {};
  dial.pod = dialling_pod(ctx, &dial.netns);
  dial.sk = ctx->sk;
  if (dial.pod == NULL || dial.sk == NULL) {
    return FL_PROCEED;
  }
  dial.dialled.ip.w[0] = ctx->user_ip6[0];
  dial.dialled.ip.w[1] = ctx->user_ip6[1];
  dial.dialled.ip.w[2] = ctx->user_ip6[2];
  dial.dialled.ip.w[3] = ctx->user_ip6[3];
  dial.dialled.port = ctx->user_port;
  dial.bound.w[0] = dial.sk->src_ip6[0];
  dial.bound.w[1] = dial.sk->src_ip6[1];
  dial.bound.w[2] = dial.sk->src_ip6[2];
  dial.bound.w[3] = dial.sk->src_ip6[3];
  switch (answer(&dial, false)) {
    case DIAL_UNTOUCHED:
      return FL_PROCEED;
    case DIAL_FORBIDDEN:
      return FL_FORBID;
    case DIAL_REFUSED:
      return fl_refuse();
    case DIAL_REWRITTEN:
      break;
  }
  if (dial.proxy_port != 0) {
    bool v4 = fl_addr_is_v4(&dial.dialled.ip);
    ctx->user_ip6[0] = 0;
    ctx->user_ip6[1] = 0;
    ctx->user_ip6[2] = v4 ? FL_V4_MAPPED : 0;
    ctx->user_ip6[3] = v4 ? bpf_htonl(0x7f000001) : bpf_htonl(1);
    ctx->user_port = dial.proxy_port;
    return FL_PROCEED;
  }
  ctx->user_ip6[0] = dial.end.address.ip.w[0];
  ctx->user_ip6[1] = dial.end.address.ip.w[1];
  ctx->user_ip6[2] = dial.end.address.ip.w[2];
  ctx->user_ip6[3] = dial.end.address.ip.w[3];
  ctx->user_port = dial.end.address.port;
  return FL_PROCEED;
}
