/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * L4 policy: one table lookup (bpf/abi/policy.h). What the table does not hold is denied.
 */
#pragma once

#include "bpf/lib/maps.bpf.h"

struct fl_subject {
  __u32 identity;           /* of the source; 0: none known */
  const struct fl_addr* ip; /* of the source */
  __be16 port;              /* of the workload, network order */
};

static __always_inline const struct fl_verdict* fl_find_verdict(__u32 policy_set, const struct fl_subject* subject) {
  struct fl_ip_class_key block = {.prefixlen = 32 + 128, .policy_set = policy_set, .ip = *subject->ip};
  const __u32* ip_class = bpf_map_lookup_elem(&m_ip_classes, &block);
  struct fl_policy_key key = {
      .policy_set = policy_set,
      .identity = subject->identity,
      .ip_class = ip_class != NULL ? *ip_class : 0,
      .port = subject->port,
  };
  const struct fl_verdict* verdict = bpf_map_lookup_elem(&m_policy, &key);
  if (verdict != NULL) {
    return verdict;
  }
  key.port = 0;
  return bpf_map_lookup_elem(&m_policy, &key);
}

/* Whether `pod`, the entry of `netns` in m_pods (NULL: it is not enrolled, and takes nothing), takes a connection from
 * `subject`, and the number of the policy that says so (0: no single one). */
static __always_inline bool fl_pod_allows(__u64 netns, const struct fl_pod* pod, const struct fl_subject* subject,
                                          __u32* policy) {
  *policy = 0;
  /* Twice: the set may have been replaced and removed since the pod was read; the second reading names the new one. */
  for (int attempt = 0; attempt < 2; attempt++) {
    if (attempt != 0) {
      pod = bpf_map_lookup_elem(&m_pods, &netns);
    }
    if (pod == NULL) {
      return false;
    }
    if (pod->policy_set == 0) {
      return true;
    }
    const struct fl_verdict* verdict = fl_find_verdict(pod->policy_set, subject);
    if (verdict != NULL) {
      *policy = verdict->policy;
      return verdict->allow;
    }
  }
  return false;
}
