/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Acceleration: what is written to one socket is put into the receive queue of the socket at the other end, without
 * TCP between them (sockmap, sk_msg). Decision 0016 has the rules and the kernel's behaviour that they come from.
 */
#pragma once

#include "types.h"

/* Map m_switch, index 0: bits of this. A redirected direction that finds the switch off goes on over TCP. */
#define FL_SWITCH_INDEX 0
enum fl_switch {
  FL_SWITCH_ON = 1, /* redirect; without it nothing new joins and what is redirected leaves */
};

/* Which end of a connection a socket is. */
enum fl_side {
  FL_SIDE_ACTIVE = 1,  /* it connected */
  FL_SIDE_PASSIVE = 2, /* it was accepted */
};

/* Map m_manners: how the sockets of an application are used, learned from connections over plain TCP. */
struct fl_manner_key {
  __u64 netns; /* cookie */
  __be16 port; /* PASSIVE: of the listener; ACTIVE: that was dialled, after a rewrite; network order */
  __u8 side;   /* enum fl_side */
  __u8 pad[5];
};
FL_ASSERT_SIZE(struct fl_manner_key, 16);

enum fl_manner {
  FL_MANNER_UNKNOWN = 0,
  FL_MANNER_NON_BLOCKING = 1,
  FL_MANNER_BLOCKING = 2, /* for good: one such socket is enough */
};

enum fl_leg_state {
  FL_LEG_LEARNING = 0,   /* plain TCP; its manner is still to be seen */
  FL_LEG_TCP = 1,        /* in the sockhash; bytes go over TCP */
  FL_LEG_REDIRECTED = 2, /* bytes go into the other end's queue */
};

/* Map m_legs: socket cookie -> what is sent from this socket. Written by BPF only; gone when the socket closes. Without
 * an entry a socket's bytes go over TCP. */
struct fl_leg {
  __u64 peer;                  /* cookie of the other end's socket; 0: not known (yet), or closed */
  __u64 peer_sock;             /* its address in the kernel; only ever read with care */
  __u64 sent;                  /* bytes redirected from here */
  __u64 peer_sent;             /* bytes redirected to here, final once `peer` is 0 */
  struct fl_manner_key manner; /* whose behaviour this socket shows; side 0: a proxy's, always non-blocking */
  __u8 state;                  /* enum fl_leg_state */
  __u8 retired;                /* not redirected any more, in neither direction */
  __u8 is_hop;                 /* one end is a proxy's: of several on the way */
  __u8 pad;
  __u32 queued; /* messages in the other end's queue, at most: since it was last seen empty */
};
FL_ASSERT_SIZE(struct fl_leg, 56);

/* Map m_meetings: 4-tuple as the connecting side sees it -> the connecting socket, until the accepted one is there. */
struct fl_meeting {
  __u64 cookie;
  __u64 sock;
};
FL_ASSERT_SIZE(struct fl_meeting, 16);

/* Why the sockets of a workload that wants it are redirected or are not: symbol, name, meaning. Counted per netns. */
#define FL_OUTCOMES(X)                                                                                           \
  X(JOINED, "joined", "sockets that pass their bytes from socket to socket")                                     \
  X(WATCHED, "watched", "stayed on TCP to show how the application uses its sockets: the first of each kind do") \
  X(BLOCKING, "blocking", "the application's sockets block: a blocking recv() on an accelerated one would fail") \
  X(NOT_PLAIN, "not_plain_tcp", "MPTCP, kernel TLS or SO_ZEROCOPY")                                              \
  X(OTHER_END, "other_end",                                                                                      \
    "the other end is no pod of this node that wants it, or its sockets are not known not to block")             \
  X(NO_ROOM, "no_room", "the table of accelerated sockets is full")

enum fl_outcome {
#define FL_OUTCOME_ENUM(symbol, name, meaning) FL_OUTCOME_##symbol,
  FL_OUTCOMES(FL_OUTCOME_ENUM)
#undef FL_OUTCOME_ENUM
      FL_OUTCOME_COUNT
};

/* Map m_outcomes: netns cookie -> sockets by outcome. */
struct fl_outcomes {
  __u64 count[FL_OUTCOME_COUNT];
};
FL_ASSERT_SIZE(struct fl_outcomes, 48);

/* Members of the sockhash. 16 bytes each while empty. */
#define FL_LEGS_MAX 65536
