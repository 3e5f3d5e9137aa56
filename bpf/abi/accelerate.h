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
  __u64 peer;      /* cookie of the other end's socket; 0: not known (yet), or closed */
  __u64 peer_sock; /* its address in the kernel; only ever read with care */
  __u64 own_sock;
  __u64 sent;                  /* bytes redirected from here */
  __u64 peer_sent;             /* bytes redirected to here, final once `peer` is 0 */
  __u64 turn;                  /* how much had come from the other end when it was last looked at */
  __u32 run;                   /* messages since then */
  __u32 run_bytes;             /* bytes since then, no more than 4 GiB */
  struct fl_manner_key manner; /* whose behaviour this socket shows; side 0: a proxy's, always non-blocking */
  __u8 state;                  /* enum fl_leg_state */
  __u8 retired;                /* not redirected any more, in neither direction */
  __u8 pad[6];
};
FL_ASSERT_SIZE(struct fl_leg, 80);

/* Map m_meetings: 4-tuple as the connecting side sees it -> the connecting socket, until the accepted one is there. */
struct fl_meeting {
  __u64 cookie;
  __u64 sock;
};
FL_ASSERT_SIZE(struct fl_meeting, 16);

/* Members of the sockhash. 16 bytes each while empty. */
#define FL_LEGS_MAX 65536
