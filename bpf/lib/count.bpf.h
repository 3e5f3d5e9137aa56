/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Every verdict is counted with its reason.
 */
#pragma once

#include "bpf/lib/maps.bpf.h"

static __always_inline void fl_count_at(__u32 index) {
  __u64* count = bpf_map_lookup_elem(&m_counters, &index);
  if (count != NULL) {
    *count += 1; /* per CPU; a lost increment under preemption is tolerable */
  }
}

static __always_inline void fl_count(enum fl_reason reason) { fl_count_at(reason); }
