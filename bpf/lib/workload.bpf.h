/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Lookups of what the agent configured: destinations and endpoints.
 */
#pragma once

#include "bpf/lib/maps.bpf.h"

/* The destination's entry: its own port's, else the one for ports that have none. NULL: not in the mesh. */
static __always_inline const struct fl_target* fl_find_target(const struct fl_sockaddr* to) {
  struct fl_target_key key = {.ip = to->ip, .port = to->port};
  const struct fl_target* target = bpf_map_lookup_elem(&m_targets, &key);
  if (target != NULL) {
    return target;
  }
  key.port = 0;
  return bpf_map_lookup_elem(&m_targets, &key);
}

/* A random ready endpoint of the service that is dialled at `to`; NULL: it has none. */
static __always_inline const struct fl_backend* fl_pick_backend(const struct fl_sockaddr* to,
                                                                const struct fl_target* target) {
  /* Twice: the set may have been replaced and removed since the target was read; the second reading names the new one.
   */
  for (int attempt = 0; attempt < 2; attempt++) {
    if (target == NULL || target->count == 0) {
      return NULL;
    }
    struct fl_backend_key key = {.set = target->backends, .index = bpf_get_prandom_u32() % target->count};
    const struct fl_backend* backend = bpf_map_lookup_elem(&m_backends, &key);
    if (backend != NULL) {
      return backend;
    }
    target = fl_find_target(to);
  }
  return NULL;
}
