/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Acceleration: the switch, the legs of a connection, and what has gone over them. Nothing here needs the kernel's BTF.
 */
#pragma once

#include "bpf/lib/maps.bpf.h"

static __always_inline bool fl_acceleration_on(void) {
  __u32 index = FL_SWITCH_INDEX;
  const __u32* word = bpf_map_lookup_elem(&m_switch, &index);
  return word != NULL && (*word & FL_SWITCH_ON) != 0;
}

static __always_inline struct fl_leg* fl_leg_of(__u64 cookie) { return bpf_map_lookup_elem(&m_legs, &cookie); }

/* How this application's sockets are used, as far as it was seen. */
static __always_inline __u8 fl_manner_of(const struct fl_manner_key* key) {
  const __u8* manner = bpf_map_lookup_elem(&m_manners, key);
  return manner != NULL ? *manner : FL_MANNER_UNKNOWN;
}

/* Blocking stays, whatever is seen later. A full map learns nothing more: those stay on TCP. */
static __always_inline void fl_learn_manner(const struct fl_manner_key* key, enum fl_manner seen) {
  __u8* known = bpf_map_lookup_elem(&m_manners, key);
  if (known == NULL) {
    __u8 first = seen;
    bpf_map_update_elem(&m_manners, key, &first, BPF_ANY);
  } else if (seen == FL_MANNER_BLOCKING) {
    *known = seen;
  }
}

/* The bytes that were redirected from and to the socket with this cookie: TCP's own counters do not have them. False:
 * it was never a member of the sockhash. Also right in STATE_CB when the socket closes: `sock_ops` runs before
 * `accelerate`, which takes the leg away there (agent/kernel/acceleration.h attaches it later). */
static __always_inline bool fl_redirected_bytes(__u64 cookie, __u64* sent, __u64* received) {
  const struct fl_leg* leg = fl_leg_of(cookie);
  if (leg == NULL) {
    return false;
  }
  const struct fl_leg* other = leg->peer != 0 ? fl_leg_of(leg->peer) : NULL;
  *sent = leg->sent;
  *received = other != NULL ? other->sent : leg->peer_sent;
  return true;
}
