/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * The connection table (design section 4): identity between connect() and accept(), written by BPF only.
 */
#pragma once

#include "addr.h"

/* Map m_connections: 4-tuple as the connecting side sees it. */
struct fl_connection_key {
  struct fl_addr source;
  struct fl_addr destination;
  __be16 source_port;      /* network order */
  __be16 destination_port; /* network order */
  __u32 pad;
  __u64 netns; /* cookie where an end is a loopback address (those tuples repeat in every netns), else 0 */
};
FL_ASSERT_SIZE(struct fl_connection_key, 48);

enum fl_connection_kind {
  FL_CONNECTION_NONE = 0,     /* nobody vouches for it: no identity */
  FL_CONNECTION_KERNEL = 1,   /* an application's own socket, pod to pod */
  FL_CONNECTION_OUTBOUND = 2, /* an application's socket, redirected to an outbound listener */
  FL_CONNECTION_TO_APP = 3,   /* a proxy's socket inside the destination pod: already judged */
  FL_CONNECTION_PROXIED = 4,  /* a proxy's socket in the source pod: the destination side is still to be judged */
};

struct fl_connection {
  __u64 source_netns;  /* cookie of the netns that the connecting socket lives in (TO_APP: the destination pod's own) */
  __u64 socket_cookie; /* of the connecting socket: only it may end the entry */
  struct fl_sockaddr original; /* OUTBOUND: what the application dialled */
  union {
    struct fl_sockaddr client; /* TO_APP, PROXIED: the client that the proxy stated; none if it stated none */
    struct fl_sockaddr kept;   /* OUTBOUND: the endpoint that session affinity keeps; none if there is none */
  };
  __u32 identity;
  __u8 kind; /* enum fl_connection_kind */
  __u8 pad[3];
};
FL_ASSERT_SIZE(struct fl_connection, 64);

/* Socket storage m_tags: written by the agent through the fd of a socket that it made. No pod process can. */
enum fl_tag_role {
  FL_TAG_UPSTREAM = 1, /* a proxy's connecting socket */
  FL_TAG_OUTBOUND = 2, /* a listener for redirected connections; accepted sockets inherit the tag */
  FL_TAG_INBOUND = 3,  /* a listener that steer hands SYNs to; accepted sockets inherit the tag */
};

struct fl_tag {
  __u64 netns; /* cookie of the netns that the socket lives in */
  __u32 role;  /* enum fl_tag_role */
  __u32 pad;
};
FL_ASSERT_SIZE(struct fl_tag, 16);

/* Socket storage m_sockets: what BPF remembers of one socket. Created only where something has to be remembered. */
struct fl_socket {
  __u64 source_netns;
  struct fl_sockaddr original;   /* what was dialled before a rewrite */
  struct fl_sockaddr shown_peer; /* what getpeername() and accept() answer; none: the truth */
  union {
    struct fl_sockaddr claim; /* a proxy's statement of the client, by setsockopt */
    struct fl_sockaddr kept;  /* OUTBOUND: the endpoint that session affinity keeps; none if there is none */
  };
  __u32 identity;
  __u32 load_epoch; /* under which m_loads counts this connection; 0: it does not */
  /* Of a connection on the kernel path, for its record (bpf/abi/flow.h): */
  __u32 policy;            /* fl_verdict.policy */
  __u64 destination_netns; /* of the endpoint's pod; 0: nobody of this node */
  __u64 opened_ns;
  __u8 kind;      /* enum fl_connection_kind */
  __u8 counted;   /* its endpoint was chosen by its load: m_loads shall count this connection */
  __u8 reporters; /* FL_REPORT_*; 0: nobody reports this socket's connection */
  __u8 is_source; /* it is the connecting end */
  __u8 established;
  __u8 in_mesh;  /* the destination is known */
  __u8 in_table; /* it had an entry in m_connections, which may be gone */
  __u8 is_leg;   /* it had an entry in m_legs (bpf/abi/accelerate.h) */
};
FL_ASSERT_SIZE(struct fl_socket, 104);

/* Private socket options, answered by programs on the agent's own cgroup; unknown to any other socket. */
#define FL_SOL 0x6b6e
#define FL_SO_CLAIM 1      /* setsockopt, struct fl_sockaddr, on a tagged upstream socket before connect() */
#define FL_SO_CONNECTION 2 /* getsockopt, struct fl_connection_info, on a socket accepted from a tagged listener */

#define FL_SO_WATCHED \
  3 /* getsockopt, __u32, on a connected upstream socket: 1: a later one to there may be redirected */

struct fl_connection_info {
  __u64 source_netns;          /* 0: not known */
  struct fl_sockaddr original; /* OUTBOUND: what was dialled; else the local address */
  union {
    struct fl_sockaddr client; /* the client's address out of the table; none where there is no entry */
    struct fl_sockaddr kept;   /* OUTBOUND: the endpoint that session affinity keeps; none if there is none */
  };
  __u32 identity; /* 0: none */
  __u8 kind;      /* enum fl_connection_kind */
  __u8 pad[3];
};
FL_ASSERT_SIZE(struct fl_connection_info, 56);

/* Size of m_connections, and the share of one source pod. */
#define FL_CONNECTIONS_MAX 65536
#define FL_CONNECTIONS_PER_POD 16384
