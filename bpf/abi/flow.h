/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * What the kernel tells of connections on its path: one record each, and sums that outlive the agent. "Source" is the
 * end that connects. Times are of CLOCK_MONOTONIC, ns.
 */
#pragma once

#include "addr.h"

/* Who reports a connection: its source, if that is served here by the kernel; its destination, likewise. */
#define FL_REPORT_SOURCE 1
#define FL_REPORT_DESTINATION 2

/* Ring buffer m_flows: a connection that was refused or has ended. The same form lists the open ones (progs/open). */
struct fl_flow {
  __u64 opened_ns;    /* connect(), or the SYN's arrival where the source is not of this node */
  __u64 ended_ns;     /* 0: open */
  __u64 cookie;       /* of the socket that this node watches: the connecting one if it is here; 0: refused before there
                         was a connection */
  __u64 source_netns; /* cookie; 0: nobody of this node */
  __u64 destination_netns;        /* cookie; 0: nobody of this node */
  struct fl_sockaddr source;      /* port 0: not known yet, refused at connect() */
  struct fl_sockaddr dialled;     /* before a rewrite */
  struct fl_sockaddr destination; /* the endpoint; none: refused before one was chosen */
  __u32 identity;                 /* of the source; 0: none known */
  __u64 sent;                     /* payload bytes from the source to the destination */
  __u64 received;                 /* and back */
  __u32 policy;                   /* fl_verdict.policy of the decision; 0: none */
  __u8 reason;                    /* enum fl_reason */
  __u8 reporters;                 /* FL_REPORT_*; 0: refused */
  __u8 established;
  __u8 in_mesh; /* the destination is a service or pod that the agent knows */
};
FL_ASSERT_SIZE(struct fl_flow, 128);

/* Map m_traffic: sums over ended connections, kept until the agent takes the entry away. A destination that is not in
 * the mesh has no addresses here: one entry for all of them. */
struct fl_traffic_key {
  __u64 source_netns;
  __u64 destination_netns;
  struct fl_sockaddr dialled;
  struct fl_sockaddr destination;
  __u32 identity;
  __u32 reporters;
};
FL_ASSERT_SIZE(struct fl_traffic_key, 64);

static inline void fl_traffic_key_of(const struct fl_flow* flow, struct fl_traffic_key* key) {
  const struct fl_sockaddr none = {};
  key->source_netns = flow->source_netns;
  key->destination_netns = flow->destination_netns;
  key->dialled = flow->in_mesh ? flow->dialled : none;
  key->destination = flow->in_mesh && flow->destination_netns == 0 ? flow->destination : none;
  key->identity = flow->identity;
  key->reporters = flow->reporters;
}

struct fl_traffic {
  __u64 closed; /* connections that had been established */
  __u64 sent;
  __u64 received;
};
FL_ASSERT_SIZE(struct fl_traffic, 24);

/* Indexes of m_counters behind those of the reasons. */
#define FL_COUNTER_FLOWS_LOST 126   /* the ring buffer was full */
#define FL_COUNTER_TRAFFIC_LOST 127 /* m_traffic was full: an ended connection is in no sum */
