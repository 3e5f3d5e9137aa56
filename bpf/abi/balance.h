/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Which endpoint of a service a connection gets: what the agent writes for it, and what the kernel counts.
 */
#pragma once

#include "addr.h"

enum fl_balance {
  FL_BALANCE_RANDOM = 0,
  FL_BALANCE_ROUND_ROBIN = 1,       /* m_turns */
  FL_BALANCE_LEAST_CONNECTIONS = 2, /* m_loads: the less loaded of two endpoints drawn, as Envoy's LEAST_REQUEST */
  FL_BALANCE_SOURCE = 3,            /* m_slots */
};

/* Map m_loads: an endpoint's address -> connections that this node's pods have open to it. */
struct fl_load {
  __s64 open;
  __u32 epoch; /* never 0. A connection that was counted under another one is not taken off again */
  __u32 pad;
};
FL_ASSERT_SIZE(struct fl_load, 16);

/* Map m_slots: by set and block, which endpoint of the set each slot leads to. A source has one slot, that of the
 * highest bits of its hash. */
#define FL_SLOTS_PER_BLOCK 64
#define FL_SLOT_BITS_MAX 16
struct fl_slots {
  __u32 index[FL_SLOTS_PER_BLOCK];
};
FL_ASSERT_SIZE(struct fl_slots, 256);

/* Of a client's address; the one definition for kernel and proxy, so that both send a client to the same endpoint.
 * Finalizer of MurmurHash3 after each word: every bit of the address moves every bit of the hash. */
static inline __u32 fl_source_hash(const struct fl_addr* source) {
  __u32 hash = 0;
  for (int i = 0; i < 4; i++) {
    hash ^= source->w[i];
    hash ^= hash >> 16;
    hash *= 0x85ebca6bU;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35U;
    hash ^= hash >> 16;
  }
  return hash;
}

/* Map m_affinity: which endpoint a client had last at a service's address (sessionAffinity: ClientIP). */
struct fl_affinity_key {
  struct fl_addr client; /* the pod's own address, whatever it has bound */
  struct fl_sockaddr service;
};
FL_ASSERT_SIZE(struct fl_affinity_key, 36);

struct fl_affinity {
  __u64 used_ns; /* CLOCK_MONOTONIC */
  struct fl_sockaddr endpoint;
  __u32 index; /* where it was found last: sets change */
};
FL_ASSERT_SIZE(struct fl_affinity, 32);
