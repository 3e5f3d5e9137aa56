/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Creates the maps. No program: the objects beside this one take the maps that it made, or that an earlier agent
 * pinned.
 */
#include "bpf/lib/maps.bpf.h"

char fl_license[] SEC("license") = "GPL";
