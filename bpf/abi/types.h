/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Fixed-width types for both sides of bpf/abi. The kernel side includes its vmlinux.h first, which defines them.
 * Everything in bpf/abi is plain C and the only definition of its layout; sizes are asserted below each struct.
 * Padding is explicit and must be zero in map keys.
 */
#pragma once

#ifndef __BPF__
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define FL_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#else
#define FL_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif
