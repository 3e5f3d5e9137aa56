/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Who is on this node and what an address means. A pod is known by its netns cookie, which it cannot forge.
 * Every value here is a pure function of the agent's configuration: a restarted agent writes the same bytes.
 */
#pragma once

#include "addr.h"
#include "balance.h"

enum fl_mode {
  FL_MODE_OFF = 0,
  FL_MODE_NODE = 1,
  FL_MODE_SIDECAR = 2,
};

enum fl_protocol {
  FL_PROTOCOL_TCP = 0,  /* kernel path */
  FL_PROTOCOL_HTTP = 1, /* through a proxy */
  FL_PROTOCOL_DENY = 2, /* refused at connect and at the SYN: an L7 rule selects it, but it cannot be judged yet */
};

/* fl_pod.flags: sockets of this pod may be accelerated (abi/accelerate.h). */
#define FL_POD_ACCELERATED 1

/* Map m_pods: netns cookie -> this. Enrolled pods of this node only. */
struct fl_pod {
  struct fl_addr ip4; /* own addresses; none if it has none */
  struct fl_addr ip6;
  __u32 identity;        /* numeric identity, never 0 for an enrolled pod */
  __u32 policy_set;      /* L4 policy of what arrives here; 0: nothing selects it, allowed */
  __u32 peer_class;      /* how network policies know it as a peer; 0: not at all */
  __u32 ingress_set;     /* network policy of what arrives here; 0: not isolated */
  __u32 egress_set;      /* network policy of what it opens; 0: not isolated */
  __be16 outbound_port4; /* listener of the current mode on 127.0.0.1, network order; 0: none */
  __be16 outbound_port6; /* the same on ::1 */
  __u8 mode;             /* enum fl_mode, for new connections */
  __u8 flags;            /* FL_POD_* */
  __u8 pad[2];
};
FL_ASSERT_SIZE(struct fl_pod, 60);

/* Map m_targets: what a destination is. Port 0 is the entry for the ports that have none of their own. */
struct fl_target_key {
  struct fl_addr ip;
  __be16 port; /* network order */
  __u16 pad;
};
FL_ASSERT_SIZE(struct fl_target_key, 20);

enum fl_target_kind {
  FL_TARGET_SERVICE = 1, /* a service's address and port: `backends` says where it leads */
  FL_TARGET_POD = 2,     /* a pod's own address: `owner` says whose */
  FL_TARGET_NO_PORT = 3, /* port 0 of a service's address: other ports are refused at once */
};

struct fl_target {
  __u64 owner;    /* POD: netns cookie; 0 if it lives on another node or is off */
  __u64 backends; /* SERVICE: set in m_backends (a hash of its contents) */
  __u32 count;    /* SERVICE: ready endpoints in that set */
  /* POD without an owner: how network policies know it as a peer. A pod that has one is known by its netns cookie: its
   * address proves nothing here. */
  __u32 peer_class;
  __u8 kind;        /* enum fl_target_kind */
  __u8 protocol;    /* enum fl_protocol */
  __u8 balance;     /* SERVICE: enum fl_balance */
  __u8 slot_bits;   /* SERVICE, by source: there are two to the power of this in m_slots */
  __u32 affinity_s; /* SERVICE: for how long a client keeps its endpoint after the last use; 0: it does not */
};
FL_ASSERT_SIZE(struct fl_target, 32);

/* Map m_backends: the endpoints of a set, index 0 .. count-1, in the order of their addresses and ports. */
struct fl_backend_key {
  __u64 set;
  __u32 index;
  __u32 pad;
};
FL_ASSERT_SIZE(struct fl_backend_key, 16);

struct fl_backend {
  __u64 owner; /* netns cookie of the pod, 0 if it is not enrolled on this node */
  struct fl_sockaddr address;
  __u32 pad;
};
FL_ASSERT_SIZE(struct fl_backend, 32);

/* Map m_listeners (sockhash): where steer sends a SYN that a proxy must judge. */
struct fl_listener_key {
  __u64 netns; /* cookie */
  __u32 mode;  /* FL_MODE_NODE: the node proxy's inbound listener; FL_MODE_SIDECAR: the sidecar's */
  __u32 pad;
};
FL_ASSERT_SIZE(struct fl_listener_key, 16);
