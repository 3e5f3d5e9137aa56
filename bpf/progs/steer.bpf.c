/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * sk_lookup, one instance on each pod's netns: may this SYN come in, and to whom? To the application, to the listener
 * of a proxy, or reset. Identity comes from the connection table alone, never from the address. Design section 4.
 *
 * Also runs for segments that belong to no socket (after a close, for instance): the counters count those too.
 */
#include "bpf/lib/addr.bpf.h"
#include "bpf/lib/count.bpf.h"
#include "bpf/lib/flow.bpf.h"
#include "bpf/lib/network.bpf.h"
#include "bpf/lib/policy.bpf.h"
#include "bpf/lib/tuple.bpf.h"
#include "bpf/lib/workload.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* Cookie of the netns that this instance is attached to: sk_lookup has no bpf_get_netns_cookie (Linux 6.18). */
const volatile __u64 fl_netns = 0;

static __always_inline int passed(enum fl_reason reason) {
  fl_count(reason);
  return SK_PASS;
}

static __always_inline int dropped(enum fl_reason reason) {
  fl_count(reason);
  return SK_DROP;
}

/* The inbound listener of the node proxy or of the sidecar. Without one the SYN is reset, never passed. */
static __always_inline int to_listener(struct bpf_sk_lookup* ctx, __u32 mode) {
  struct fl_listener_key key = {.netns = fl_netns, .mode = mode};
  struct bpf_sock* listener = bpf_map_lookup_elem(&m_listeners, &key);
  if (listener == NULL) {
    return dropped(FL_REASON_STEER_NO_LISTENER);
  }
  long error = bpf_sk_assign(ctx, listener, 0);
  bpf_sk_release(listener);
  return error == 0 ? passed(FL_REASON_STEER_LISTENER) : dropped(FL_REASON_STEER_NO_LISTENER);
}

/* Judged already: by the proxy that dials its application, or at connect() where the pod reaches itself. */
static __always_inline bool comes_from_within(const struct fl_connection* entry) {
  return entry->source_netns == fl_netns &&
         (entry->kind == FL_CONNECTION_TO_APP || entry->kind == FL_CONNECTION_KERNEL);
}

/* A caller of this node is known by the netns that its entry names; any other pod by its address, as network policies
 * are wherever they are enforced. A pod of this node without an entry is no pod at all: it spoke TCP by hand. */
static __always_inline bool network_allows(const struct fl_pod* pod, const struct fl_tuple* tuple,
                                           const struct fl_connection* entry) {
  if (pod->ingress_set == 0) {
    return true;
  }
  struct fl_network_peer from = {.pod_class = 0, .ip = &tuple->remote.ip};
  if (entry != NULL) {
    const struct fl_pod* source = bpf_map_lookup_elem(&m_pods, &entry->source_netns);
    from.pod_class = source != NULL ? source->peer_class : 0;
  } else {
    from.pod_class = fl_class_by_address(&tuple->remote.ip);
  }
  return fl_network_admits(fl_netns, pod->ingress_set, &from, tuple->local.port);
}

/* The record of a caller that is turned away. */
struct refusal {
  const struct fl_tuple* tuple;
  const struct fl_connection* entry; /* NULL: none */
  enum fl_reason reason;
  __u32 policy;
};

static __always_inline int refuse(const struct refusal* refusal) {
  const struct fl_connection* entry = refusal->entry;
  const struct fl_tuple* tuple = refusal->tuple;
  if (entry == NULL) {
    struct fl_target_key key = {.ip = tuple->remote.ip, .port = 0};
    const struct fl_target* caller = bpf_map_lookup_elem(&m_targets, &key);
    if (caller != NULL && caller->owner != 0) { /* no call: a segment behind a connection of this node that has ended */
      return dropped(refusal->reason);
    }
  }
  __u64 now = bpf_ktime_get_ns();
  struct fl_flow flow = {
      .opened_ns = now,
      .ended_ns = now,
      .source_netns = entry != NULL ? entry->source_netns : 0,
      .destination_netns = fl_netns,
      .source = tuple->remote,
      .dialled = tuple->local,
      .destination = tuple->local,
      .identity = entry != NULL ? entry->identity : 0,
      .policy = refusal->policy,
      .reason = refusal->reason,
      .in_mesh = true,
  };
  fl_flow_send(&flow);
  return dropped(refusal->reason);
}

static __always_inline int judge(const struct fl_pod* pod, const struct fl_tuple* tuple,
                                 const struct fl_connection* entry) {
  struct fl_subject subject = {
      .identity = entry != NULL ? entry->identity : 0,
      .ip = &tuple->remote.ip,
      .port = tuple->local.port,
  };
  __u32 policy;
  if (!fl_pod_allows(fl_netns, pod, &subject, &policy)) {
    struct refusal denied = {.tuple = tuple, .entry = entry, .reason = FL_REASON_STEER_DENIED, .policy = policy};
    return refuse(&denied);
  }
  return passed(entry != NULL ? FL_REASON_STEER_PASS : FL_REASON_STEER_UNTRUSTED_PASS);
}

SEC("sk_lookup")
int steer(struct bpf_sk_lookup* ctx) {
  if (ctx->protocol != IPPROTO_TCP) {
    return SK_PASS;
  }
  struct fl_tuple tuple;
  fl_tuple_of_sk_lookup(ctx, &tuple);
  if (fl_addr_is_loopback(&tuple.local.ip)) {
    return SK_PASS;
  }
  __u64 netns = fl_netns;
  const struct fl_pod* pod = bpf_map_lookup_elem(&m_pods, &netns);
  if (pod == NULL || pod->mode == FL_MODE_OFF) {
    return SK_PASS;
  }
  struct fl_connection_key key;
  fl_connection_key_of(&tuple.remote, &tuple.local, netns, &key);
  const struct fl_connection* entry = bpf_map_lookup_elem(&m_connections, &key);
  if (entry != NULL && comes_from_within(entry)) {
    return passed(FL_REASON_STEER_PASS);
  }
  if (!network_allows(pod, &tuple, entry)) {
    struct refusal denied = {.tuple = &tuple, .entry = entry, .reason = FL_REASON_STEER_NETWORK_DENIED};
    return refuse(&denied);
  }
  if (pod->mode == FL_MODE_SIDECAR) {
    return to_listener(ctx, FL_MODE_SIDECAR);
  }
  const struct fl_target* target = fl_find_target(&tuple.local);
  if (target != NULL && target->protocol == FL_PROTOCOL_HTTP) {
    return to_listener(ctx, FL_MODE_NODE);
  }
  if (target != NULL && target->protocol == FL_PROTOCOL_DENY) {
    struct refusal denied = {.tuple = &tuple, .entry = entry, .reason = FL_REASON_L7_ON_OPAQUE};
    return refuse(&denied);
  }
  return judge(pod, &tuple, entry);
}
