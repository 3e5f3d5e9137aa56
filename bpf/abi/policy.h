/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * L4 policy as a table of verdicts. The agent evaluates the policies that apply to a pod (a "set", named by a hash of
 * its contents) for every identity of the node, every class of source addresses and every port that a rule names, with
 * the same engine as the proxy; the kernel only looks the answer up. A set is complete before a pod refers to it; a
 * missing entry denies.
 */
#pragma once

#include "addr.h"

/* Map m_ip_classes (LPM trie): the most specific block of the set that holds the source address. No match: class 0. */
struct fl_ip_class_key {
  __u32 prefixlen; /* 32 + bits of the block (IPv4 blocks: 32 + 96 + n) */
  __u32 policy_set;
  struct fl_addr ip;
};
FL_ASSERT_SIZE(struct fl_ip_class_key, 24);

/* Map m_policy. Looked up with the port, then with port 0 ("every other port"). */
struct fl_policy_key {
  __u32 policy_set;
  __u32 identity; /* of the source; 0: none known */
  __u32 ip_class;
  __be16 port; /* of the workload, network order */
  __u16 pad;
};
FL_ASSERT_SIZE(struct fl_policy_key, 16);

struct fl_verdict {
  __u8 allow;
  __u8 pad[3];
  __u32 policy; /* hash of the name of the policy that decided, for the flow record; 0: none */
};
FL_ASSERT_SIZE(struct fl_verdict, 8);

/* Network policy: a set holds what is allowed, and what it does not hold is refused. Sets have numbers of their own in
 * m_ip_classes, where blocks and what is cut out of them are classes too. */
enum fl_peer_kind {
  FL_PEER_POD = 1,     /* `peer`: a class of pods (fl_pod.peer_class) */
  FL_PEER_ADDRESS = 2, /* `peer`: a class of addresses of the set; 0: in none of its blocks */
};

/* Map m_network (LPM trie): ports that a peer may reach (ingress) or that may be reached at it (egress), as prefixes of
 * the port. Allowed is what its pod class or its address is allowed. */
struct fl_network_key {
  __u32 prefixlen; /* 80 + bits of the port */
  __u32 set;
  __u32 peer;
  __u16 kind;  /* enum fl_peer_kind */
  __be16 port; /* of the destination */
};
FL_ASSERT_SIZE(struct fl_network_key, 16);
#define FL_NETWORK_PREFIX 80
