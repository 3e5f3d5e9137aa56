/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * What every program starts from, in the order that the headers need: kernel types, libbpf's helpers, our ABI.
 */
#pragma once

/* The order matters. */
/* clang-format off */
#include "bpf/vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/abi/accelerate.h"
#include "bpf/abi/connection.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/reasons.h"
#include "bpf/abi/workload.h"
/* clang-format on */

/* Return values of the cgroup socket hooks. FL_FORBID gives the caller EPERM unless bpf_set_retval named another. */
#define FL_FORBID 0
#define FL_PROCEED 1

/* Keeps clang from joining accesses to a context: loads of two branches through one computed pointer ("dereference of
 * modified ctx ptr"), or two neighbouring stores as one ("invalid bpf_context access"). */
#define FL_KEEP_APART() asm volatile("" ::: "memory")
