/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Network policy: at most three lookups, and none for a pod that no NetworkPolicy selects (bpf/abi/policy.h).
 */
#pragma once

#include "bpf/lib/workload.bpf.h"

/* The other end of a connection. */
struct fl_network_peer {
  __u32 pod_class; /* 0: no pod that a selector takes */
  const struct fl_addr* ip;
};

static __always_inline bool fl_network_holds(__u32 set, enum fl_peer_kind kind, __u32 peer, __be16 port) {
  struct fl_network_key key = {
      .prefixlen = FL_NETWORK_PREFIX + 16, .set = set, .peer = peer, .kind = kind, .port = port};
  return bpf_map_lookup_elem(&m_network, &key) != NULL;
}

/* `port`: of the destination. */
static __always_inline bool fl_network_allows(__u32 set, const struct fl_network_peer* peer, __be16 port) {
  if (set == 0) {
    return true;
  }
  if (peer->pod_class != 0 && fl_network_holds(set, FL_PEER_POD, peer->pod_class, port)) {
    return true;
  }
  struct fl_ip_class_key block = {.prefixlen = 32 + 128, .policy_set = set, .ip = *peer->ip};
  const __u32* ip_class = bpf_map_lookup_elem(&m_ip_classes, &block);
  return fl_network_holds(set, FL_PEER_ADDRESS, ip_class != NULL ? *ip_class : 0, port);
}

/* The class of a pod that is not served here, by its address; 0 for any other address. */
static __always_inline __u32 fl_class_by_address(const struct fl_addr* ip) {
  struct fl_target_key key = {.ip = *ip, .port = 0};
  const struct fl_target* target = bpf_map_lookup_elem(&m_targets, &key);
  return target != NULL && target->kind == FL_TARGET_POD && target->owner == 0 ? target->peer_class : 0;
}

/* Whether the enrolled pod `netns` may be connected to at `port`. `set`: its fl_pod.ingress_set. Twice, as for
 * fl_pod_allows. */
static __always_inline bool fl_network_admits(__u64 netns, __u32 set, const struct fl_network_peer* from, __be16 port) {
  if (fl_network_allows(set, from, port)) {
    return true;
  }
  const struct fl_pod* pod = bpf_map_lookup_elem(&m_pods, &netns);
  return pod != NULL && pod->ingress_set != set && fl_network_allows(pod->ingress_set, from, port);
}
