/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Differences between kernels. The agent probes each before loading (bpf/user/maps.cpp) and sets the constant; the
 * verifier then drops the branch that this kernel does not know. No kernel BTF is needed for it.
 */
#pragma once

#include "bpf/lib/kernel.bpf.h"

/* bpf_set_retval in cgroup hooks: Linux 5.18. */
const volatile bool fl_has_set_retval = true;

/* bpf_skc_to_mptcp_sock in connect hooks: Linux 5.19 with MPTCP and BTF. */
const volatile bool fl_has_mptcp = true;

/* Makes connect() fail with ECONNREFUSED; with EPERM where the kernel lets a hook name no other error. */
static __always_inline int fl_refuse(void) {
  if (fl_has_set_retval) {
    bpf_set_retval(-ECONNREFUSED);
  }
  return FL_FORBID;
}
