/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Which endpoint of a service a connection gets. The work is bounded and does not grow with the number of services or
 * endpoints, but for one case: a client with session affinity whose service's endpoints have changed since it came last
 * is looked for by halving (18 lookups at most).
 */
#pragma once

#include "bpf/lib/workload.bpf.h"

#define FL_NS_PER_S 1000000000ULL
#define FL_BACKEND_SEARCH_STEPS 18 /* two to the power of this is the size of m_backends */

/* For whom a choice is made. */
struct fl_choice {
  struct fl_sockaddr to; /* what was dialled: a service's address and port */
  struct fl_addr client; /* the pod's own address of that family */
  __u32 plain;           /* as kube-proxy would: session affinity, else at random; no matter how the service balances */
};

enum fl_picked {
  FL_PICKED_NONE = 0, /* the service has no ready endpoint */
  FL_PICKED_ANY = 1,
  FL_PICKED_KEPT = 2, /* session affinity keeps it for this client from now on */
};

static __always_inline const struct fl_backend* fl_backend_at(const struct fl_target* target, __u32 index) {
  struct fl_backend_key key = {.set = target->backends, .index = index};
  return bpf_map_lookup_elem(&m_backends, &key);
}

static __always_inline __u32 fl_turn(const struct fl_target* target) {
  __u64 set = target->backends;
  __u64* turn = bpf_map_lookup_elem(&m_turns, &set);
  return (turn != NULL ? (__u32)__sync_fetch_and_add(turn, 1) : bpf_get_prandom_u32()) % target->count;
}

static __always_inline __s64 fl_load_of(const struct fl_backend* backend) {
  struct fl_sockaddr endpoint = backend->address;
  const struct fl_load* load = bpf_map_lookup_elem(&m_loads, &endpoint);
  return load != NULL ? load->open : 0;
}

/* The less loaded of two different endpoints that are drawn; of equals the first. */
static __always_inline const struct fl_backend* fl_less_loaded(const struct fl_target* target) {
  __u32 count = target->count;
  __u32 first = bpf_get_prandom_u32() % count;
  const struct fl_backend* a = fl_backend_at(target, first);
  if (a == NULL || count == 1) {
    return a;
  }
  const struct fl_backend* b = fl_backend_at(target, (first + 1 + bpf_get_prandom_u32() % (count - 1)) % count);
  return b != NULL && fl_load_of(b) < fl_load_of(a) ? b : a;
}

static __always_inline __u32 fl_slot_of(const struct fl_target* target, const struct fl_addr* client) {
  __u32 slot = fl_source_hash(client) >> ((32 - target->slot_bits) & 31);
  struct fl_backend_key key = {.set = target->backends, .index = slot / FL_SLOTS_PER_BLOCK};
  const struct fl_slots* slots = bpf_map_lookup_elem(&m_slots, &key);
  return slots != NULL ? slots->index[slot % FL_SLOTS_PER_BLOCK] : bpf_get_prandom_u32() % target->count;
}

static __always_inline const struct fl_backend* fl_balanced(const struct fl_choice* choice,
                                                            const struct fl_target* target) {
  switch (choice->plain ? FL_BALANCE_RANDOM : target->balance) {
    case FL_BALANCE_ROUND_ROBIN:
      return fl_backend_at(target, fl_turn(target));
    case FL_BALANCE_LEAST_CONNECTIONS:
      return fl_less_loaded(target);
    case FL_BALANCE_SOURCE:
      return fl_backend_at(target, fl_slot_of(target, &choice->client));
    default:
      return fl_backend_at(target, bpf_get_prandom_u32() % target->count);
  }
}

static __always_inline __u64 fl_addr_half(const struct fl_addr* addr, int first) {
  return (__u64)bpf_ntohl(addr->w[first]) << 32 | bpf_ntohl(addr->w[first + 1]);
}

/* Whether `a` comes before `b` in a set. */
static __always_inline bool fl_endpoint_before(const struct fl_sockaddr* a, const struct fl_sockaddr* b) {
  __u64 high_a = fl_addr_half(&a->ip, 0), high_b = fl_addr_half(&b->ip, 0);
  __u64 low_a = fl_addr_half(&a->ip, 2), low_b = fl_addr_half(&b->ip, 2);
  if (high_a != high_b) {
    return high_a < high_b;
  }
  return low_a != low_b ? low_a < low_b : bpf_ntohs(a->port) < bpf_ntohs(b->port);
}

static __always_inline bool fl_endpoint_is(const struct fl_backend* backend, const struct fl_sockaddr* endpoint) {
  return backend != NULL && fl_addr_half(&backend->address.ip, 0) == fl_addr_half(&endpoint->ip, 0) &&
         fl_addr_half(&backend->address.ip, 2) == fl_addr_half(&endpoint->ip, 2) &&
         backend->address.port == endpoint->port;
}

/* Where the endpoint would be in the set. A function of its own for the verifier, which walks it once and not for each
 * caller. */
__noinline __u32 fl_place_of(const struct fl_target* target, const struct fl_sockaddr* endpoint) {
  if (target == NULL || endpoint == NULL) {
    return 0;
  }
  __u32 low = 0, high = target->count;
  for (int step = 0; step < FL_BACKEND_SEARCH_STEPS && low < high; step++) {
    __u32 middle = (low + high) / 2;
    const struct fl_backend* backend = fl_backend_at(target, middle);
    if (backend != NULL && fl_endpoint_before(&backend->address, endpoint)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* The endpoint that the client had last, if it is ready and not too long ago; NULL: none. */
static __always_inline const struct fl_backend* fl_kept(struct fl_affinity* last, const struct fl_target* target,
                                                        __u64 now) {
  /* Signed: another CPU may have used it a moment after `now`. */
  if ((__s64)(now - last->used_ns) > (__s64)(target->affinity_s * FL_NS_PER_S)) {
    return NULL;
  }
  struct fl_sockaddr endpoint = last->endpoint;
  const struct fl_backend* backend = fl_backend_at(target, last->index);
  if (!fl_endpoint_is(backend, &endpoint)) {
    __u32 index = fl_place_of(target, &endpoint);
    backend = fl_backend_at(target, index);
    if (!fl_endpoint_is(backend, &endpoint)) {
      return NULL;
    }
    last->index = index;
  }
  last->used_ns = now;
  return backend;
}

/* Session affinity. Of several connections that a client opens at once the first decides; only where an old entry is
 * replaced may two of them differ. */
static __always_inline const struct fl_backend* fl_sticky(const struct fl_choice* choice,
                                                          const struct fl_target* target) {
  struct fl_affinity_key key = {.client = choice->client, .service = choice->to};
  const struct fl_backend* kept = NULL;
  __u64 now = bpf_ktime_get_ns();
  struct fl_affinity* last = bpf_map_lookup_elem(&m_affinity, &key);
  if (last != NULL && (kept = fl_kept(last, target, now)) != NULL) {
    return kept;
  }
  const struct fl_backend* backend = fl_balanced(choice, target);
  if (backend == NULL) {
    return NULL;
  }
  struct fl_affinity first = {.used_ns = now, .endpoint = backend->address, .index = 0};
  if (bpf_map_update_elem(&m_affinity, &key, &first, last != NULL ? BPF_ANY : BPF_NOEXIST) == 0) {
    return backend;
  }
  last = bpf_map_lookup_elem(&m_affinity, &key);
  if (last != NULL && (kept = fl_kept(last, target, now)) != NULL) {
    return kept;
  }
  return backend;
}

/* Fills `picked` and says how it was found (enum fl_picked). `target`: the entry of what was dialled. A function of its
 * own for the same reason. */
__noinline int fl_pick_backend(const struct fl_choice* choice, const struct fl_target* target,
                               struct fl_backend* picked) {
  if (choice == NULL || picked == NULL) {
    return FL_PICKED_NONE;
  }
  /* Twice: the set may have been replaced and removed since the target was read; the second reading names the new one.
   */
  for (int attempt = 0; attempt < 2; attempt++) {
    if (target == NULL || target->count == 0) {
      return FL_PICKED_NONE;
    }
    bool sticky = target->affinity_s != 0;
    const struct fl_backend* backend = sticky ? fl_sticky(choice, target) : fl_balanced(choice, target);
    if (backend != NULL) {
      *picked = *backend;
      return sticky ? FL_PICKED_KEPT : FL_PICKED_ANY;
    }
    target = fl_find_target(&choice->to);
  }
  return FL_PICKED_NONE;
}
