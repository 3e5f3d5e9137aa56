/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * The connection table with its share per source pod: no pod can fill it for the others.
 */
#pragma once

#include "bpf/lib/count.bpf.h"
#include "bpf/lib/tuple.bpf.h"

static __always_inline __s64* fl_share_of(__u64 netns) {
  __s64* share = bpf_map_lookup_elem(&m_shares, &netns);
  if (share != NULL) {
    return share;
  }
  __s64 none = 0;
  bpf_map_update_elem(&m_shares, &netns, &none, BPF_NOEXIST); /* another CPU may have been first: as good */
  return bpf_map_lookup_elem(&m_shares, &netns);
}

/* False, and counted: no room. The connection then goes on as one that nobody vouches for. */
static __always_inline bool fl_connection_add(const struct fl_connection_key* key, const struct fl_connection* entry) {
  __s64* share = fl_share_of(entry->source_netns);
  if (share == NULL) {
    fl_count(FL_REASON_TABLE_FULL);
    return false;
  }
  if (__sync_fetch_and_add(share, 1) < FL_CONNECTIONS_PER_POD &&
      bpf_map_update_elem(&m_connections, key, entry, BPF_NOEXIST) == 0) {
    return true;
  }
  __sync_fetch_and_add(share, -1);
  fl_count(FL_REASON_TABLE_FULL);
  return false;
}

/* `source_netns`: the entry's, read before. Whoever removed it gives its place in the share back, once. */
static __always_inline void fl_connection_remove(const struct fl_connection_key* key, __u64 source_netns) {
  if (bpf_map_delete_elem(&m_connections, key) != 0) {
    return;
  }
  __s64* share = bpf_map_lookup_elem(&m_shares, &source_netns);
  if (share != NULL) {
    __sync_fetch_and_add(share, -1);
  }
}
