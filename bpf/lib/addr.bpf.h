/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Addresses in BPF: everything in the 128-bit form, copied word by word (the verifier takes no variable index into a
 * context's address words).
 */
#pragma once

#include "bpf/lib/kernel.bpf.h"

#define FL_V4_MAPPED bpf_htonl(0x0000ffff)

static __always_inline struct fl_addr fl_addr_v4(__be32 ip) {
  struct fl_addr addr = {.w = {0, 0, FL_V4_MAPPED, ip}};
  return addr;
}

static __always_inline bool fl_addr_is_v4(const struct fl_addr* addr) {
  return addr->w[0] == 0 && addr->w[1] == 0 && addr->w[2] == FL_V4_MAPPED;
}

static __always_inline bool fl_addr_is_none(const struct fl_addr* addr) {
  return (addr->w[0] | addr->w[1] | addr->w[2] | addr->w[3]) == 0;
}

static __always_inline bool fl_addr_equal(const struct fl_addr* a, const struct fl_addr* b) {
  return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

/* 127.0.0.0/8 or ::1. */
static __always_inline bool fl_addr_is_loopback(const struct fl_addr* addr) {
  if (addr->w[0] != 0 || addr->w[1] != 0) {
    return false;
  }
  if (addr->w[2] == FL_V4_MAPPED) {
    return (addr->w[3] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
  }
  return addr->w[2] == 0 && addr->w[3] == bpf_htonl(1);
}

/* One of the addresses of `pod`. */
static __always_inline bool fl_addr_of_pod(const struct fl_addr* addr, const struct fl_pod* pod) {
  return fl_addr_equal(addr, &pod->ip4) || fl_addr_equal(addr, &pod->ip6);
}
