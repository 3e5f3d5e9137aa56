/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Lookups of what the agent configured.
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
