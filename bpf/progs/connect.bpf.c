/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * cgroup connect4/connect6: where does the connection go that an application is about to open? Untouched, to an
 * endpoint (the kernel path), to the pod's outbound listener, or nowhere. Design section 3.
 */
#include "bpf/lib/addr.bpf.h"
#include "bpf/lib/compat.bpf.h"
#include "bpf/lib/count.bpf.h"
#include "bpf/lib/network.bpf.h"
#include "bpf/lib/policy.bpf.h"
#include "bpf/lib/socket.bpf.h"
#include "bpf/lib/workload.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* One connect() of a meshed pod. */
struct dial {
  struct bpf_sock* sk;
  const struct fl_pod* pod;
  const struct fl_target* target;
  __u64 netns;
  struct fl_addr bound; /* source that the application bound; none if it did not */
  struct fl_sockaddr dialled;
  struct fl_sockaddr rewrite; /* where to go instead, when the answer is DIAL_REWRITTEN */
};

enum dial_answer {
  DIAL_UNTOUCHED,
  DIAL_REWRITTEN,
  DIAL_REFUSED,   /* ECONNREFUSED */
  DIAL_FORBIDDEN, /* EPERM */
};

static __always_inline enum dial_answer refused(enum fl_reason reason) {
  fl_count(reason);
  return DIAL_REFUSED;
}

static __always_inline enum dial_answer forbidden(enum fl_reason reason) {
  fl_count(reason);
  return DIAL_FORBIDDEN;
}

static __always_inline enum dial_answer untouched(enum fl_reason reason) {
  fl_count(reason);
  return DIAL_UNTOUCHED;
}

/* Keeps what was dialled, for getpeername() and for whoever accepts the connection. */
static __always_inline bool remember(const struct dial* dial, enum fl_connection_kind kind) {
  struct fl_socket* socket = fl_remember(dial->sk);
  if (socket == NULL) {
    return false;
  }
  socket->source_netns = dial->netns;
  socket->original = dial->dialled;
  socket->shown_peer = dial->dialled;
  socket->identity = dial->pod->identity;
  socket->kind = kind;
  return true;
}

/* Its address as the other end will see it. */
static __always_inline struct fl_addr source_towards(const struct dial* dial, const struct fl_addr* to) {
  if (!fl_addr_is_none(&dial->bound)) {
    return dial->bound;
  }
  return fl_addr_is_v4(to) ? dial->pod->ip4 : dial->pod->ip6;
}

/* The network policies of both ends; `owner`: of the endpoint, 0 if it is no pod that this node serves. Pods that are
 * not isolated, which are most, cost a test of a word that is at hand, and one lookup for the other end. */
static __always_inline bool network_allows(const struct dial* dial, __u64 owner, const struct fl_sockaddr* endpoint) {
  if (owner == dial->netns) {
    return true; /* no pod can be kept from itself */
  }
  const struct fl_pod* destination = owner != 0 ? bpf_map_lookup_elem(&m_pods, &owner) : NULL;
  if (dial->pod->egress_set != 0) {
    struct fl_network_peer to = {
        .pod_class = destination != NULL ? destination->peer_class : fl_class_by_address(&endpoint->ip),
        .ip = &endpoint->ip};
    if (!fl_network_allows(dial->pod->egress_set, &to, endpoint->port)) {
      return false;
    }
  }
  if (destination == NULL || destination->ingress_set == 0) {
    return true;
  }
  struct fl_addr source = source_towards(dial, &endpoint->ip);
  struct fl_network_peer from = {.pod_class = dial->pod->peer_class, .ip = &source};
  return fl_network_admits(owner, &from, endpoint->port);
}

/* The destination pod's L4 policy. A sidecar judges for its own pod, and nobody judges what arrives at a pod that is
 * off. An owner that has just gone is denied. */
static __always_inline bool owner_allows(const struct dial* dial, __u64 owner, const struct fl_sockaddr* endpoint) {
  const struct fl_pod* pod = bpf_map_lookup_elem(&m_pods, &owner);
  if (pod != NULL && pod->mode != FL_MODE_NODE) {
    return true;
  }
  struct fl_addr source = source_towards(dial, &endpoint->ip);
  struct fl_subject subject = {.identity = dial->pod->identity, .ip = &source, .port = endpoint->port};
  return fl_pod_allows(owner, &subject);
}

static __always_inline enum dial_answer to_endpoint(struct dial* dial, enum fl_reason reason) {
  const struct fl_backend* backend = fl_pick_backend(&dial->dialled, dial->target);
  if (backend == NULL) {
    return refused(FL_REASON_NO_ENDPOINT);
  }
  dial->rewrite = backend->address;
  bool judged = reason == FL_REASON_KERNEL_PATH;
  if (judged && !network_allows(dial, backend->owner, &dial->rewrite)) {
    return forbidden(FL_REASON_NETWORK_DENIED);
  }
  if (judged && backend->owner != 0 && !owner_allows(dial, backend->owner, &dial->rewrite)) {
    return forbidden(FL_REASON_POLICY_DENIED);
  }
  if (!remember(dial, judged ? FL_CONNECTION_KERNEL : FL_CONNECTION_NONE)) {
    return refused(FL_REASON_TABLE_FULL);
  }
  fl_count(reason);
  return DIAL_REWRITTEN;
}

/* Before a proxy is asked: where it will connect to is not known yet, but the dialled pod, or an endpoint of the
 * dialled service as kube-proxy would have drawn it, is what the policies are about. The proxy judges the endpoint it
 * takes. */
static __always_inline bool network_allows_dial(const struct dial* dial) {
  if (dial->target->kind != FL_TARGET_SERVICE) {
    return network_allows(dial, dial->target->owner, &dial->dialled);
  }
  const struct fl_backend* backend = fl_pick_backend(&dial->dialled, dial->target);
  return backend == NULL || network_allows(dial, backend->owner, &backend->address);
}

static __always_inline enum dial_answer to_proxy(struct dial* dial) {
  if (!network_allows_dial(dial)) {
    return forbidden(FL_REASON_NETWORK_DENIED);
  }
  bool v4 = fl_addr_is_v4(&dial->dialled.ip);
  __be16 port = v4 ? dial->pod->outbound_port4 : dial->pod->outbound_port6;
  if (port == 0) {
    return refused(FL_REASON_NO_LISTENER);
  }
  if (!remember(dial, FL_CONNECTION_OUTBOUND)) {
    return refused(FL_REASON_TABLE_FULL);
  }
  dial->rewrite.port = port;
  dial->rewrite.ip = fl_addr_v4(bpf_htonl(0x7f000001));
  if (!v4) {
    struct fl_addr loopback = {.w = {0, 0, 0, bpf_htonl(1)}};
    dial->rewrite.ip = loopback;
  }
  fl_count(FL_REASON_TO_PROXY);
  return DIAL_REWRITTEN;
}

/* A pod's own address, over the kernel path. */
static __always_inline enum dial_answer to_pod(struct dial* dial) {
  __u64 owner = dial->target->owner;
  if (!network_allows(dial, owner, &dial->dialled)) {
    return forbidden(FL_REASON_NETWORK_DENIED);
  }
  if (owner == 0) {
    return untouched(FL_REASON_UNMESHED);
  }
  if (!owner_allows(dial, owner, &dial->dialled)) {
    return forbidden(FL_REASON_POLICY_DENIED);
  }
  return untouched(FL_REASON_KERNEL_PATH);
}

static __always_inline enum dial_answer decide(struct dial* dial) {
  const struct fl_target* target = fl_find_target(&dial->dialled);
  if (target == NULL) {
    bool allowed = dial->pod->mode == FL_MODE_OFF || network_allows(dial, 0, &dial->dialled);
    return allowed ? untouched(FL_REASON_UNMESHED) : forbidden(FL_REASON_NETWORK_DENIED);
  }
  if (target->kind == FL_TARGET_NO_PORT) {
    return refused(FL_REASON_NO_PORT);
  }
  dial->target = target;
  if (dial->pod->mode == FL_MODE_OFF) {
    return target->kind == FL_TARGET_SERVICE ? to_endpoint(dial, FL_REASON_OFF_BALANCED)
                                             : untouched(FL_REASON_UNMESHED);
  }
  if (target->protocol == FL_PROTOCOL_DENY) {
    return forbidden(FL_REASON_L7_ON_OPAQUE);
  }
  if (dial->pod->mode == FL_MODE_SIDECAR || target->protocol == FL_PROTOCOL_HTTP) {
    return to_proxy(dial);
  }
  return target->kind == FL_TARGET_SERVICE ? to_endpoint(dial, FL_REASON_KERNEL_PATH) : to_pod(dial);
}

/* Everything that is left alone without a look at the destination tables; else the decision. */
static __always_inline enum dial_answer answer(struct dial* dial) {
  if (fl_tag_of(dial->sk) != NULL) {
    return DIAL_UNTOUCHED;
  }
  fl_forget(dial->sk);
  if (fl_addr_is_loopback(&dial->dialled.ip) || fl_addr_of_pod(&dial->dialled.ip, dial->pod)) {
    return DIAL_UNTOUCHED;
  }
  return decide(dial);
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
  switch (answer(&dial)) {
    case DIAL_UNTOUCHED:
      return FL_PROCEED;
    case DIAL_FORBIDDEN:
      return FL_FORBID;
    case DIAL_REFUSED:
      return fl_refuse();
    case DIAL_REWRITTEN:
      break;
  }
  if (!fl_addr_is_v4(&dial.rewrite.ip)) { /* an IPv4 socket cannot reach it */
    fl_count(FL_REASON_NO_ENDPOINT);
    return fl_refuse();
  }
  ctx->user_ip4 = dial.rewrite.ip.w[3];
  ctx->user_port = dial.rewrite.port;
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
  switch (answer(&dial)) {
    case DIAL_UNTOUCHED:
      return FL_PROCEED;
    case DIAL_FORBIDDEN:
      return FL_FORBID;
    case DIAL_REFUSED:
      return fl_refuse();
    case DIAL_REWRITTEN:
      break;
  }
  ctx->user_ip6[0] = dial.rewrite.ip.w[0];
  ctx->user_ip6[1] = dial.rewrite.ip.w[1];
  ctx->user_ip6[2] = dial.rewrite.ip.w[2];
  ctx->user_ip6[3] = dial.rewrite.ip.w[3];
  ctx->user_port = dial.rewrite.port;
  return FL_PROCEED;
}
