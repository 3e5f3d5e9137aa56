/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Addresses. IPv4 is stored v4-mapped (::ffff:a.b.c.d), so that every algorithm is written once.
 * All zero means "none".
 */
#pragma once

#include "types.h"

struct fl_addr {
  __be32 w[4]; /* network order */
};
FL_ASSERT_SIZE(struct fl_addr, 16);

struct fl_sockaddr {
  struct fl_addr ip;
  __be16 port; /* network order */
  __u16 pad;
};
FL_ASSERT_SIZE(struct fl_sockaddr, 20);
