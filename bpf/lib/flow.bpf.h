/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Records and sums of connections (bpf/abi/flow.h).
 */
#pragma once

#include "bpf/lib/accelerate.bpf.h"
#include "bpf/lib/addr.bpf.h"
#include "bpf/lib/count.bpf.h"
#include "bpf/lib/tuple.bpf.h"

/* The agent looks by itself some times a second; it is woken only where records pile up, and by some of them: each time
 * costs an interrupt, 2 us where a hypervisor has to help. */
#define FL_FLOWS_WAKE (1 << 17)
#define FL_FLOWS_WAKE_END (FL_FLOWS_WAKE + 8 * (__u64)sizeof(struct fl_flow))

/* A record to fill, in the ring buffer itself: 128 bytes of a program's stack are too many. NULL, and counted: it is
 * full. To be given to fl_flow_submit. */
static __always_inline struct fl_flow* fl_flow_reserve(void) {
  struct fl_flow* flow = bpf_ringbuf_reserve(&m_flows, sizeof(*flow), 0);
  if (flow == NULL) {
    fl_count_at(FL_COUNTER_FLOWS_LOST);
    return NULL;
  }
  __builtin_memset(flow, 0, sizeof(*flow));
  return flow;
}

static __always_inline void fl_flow_submit(struct fl_flow* flow) {
  __u64 waiting = bpf_ringbuf_query(&m_flows, BPF_RB_AVAIL_DATA);
  bool wake = waiting > FL_FLOWS_WAKE && waiting <= FL_FLOWS_WAKE_END;
  bpf_ringbuf_submit(flow, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* The same for a record that is needed elsewhere too. */
static __always_inline void fl_flow_send(const struct fl_flow* flow) {
  struct fl_flow* place = fl_flow_reserve();
  if (place != NULL) {
    *place = *flow;
    fl_flow_submit(place);
  }
}

/* Payload bytes: as the socket counts them, and what went past TCP. REQUIRES: flow->cookie. */
static __always_inline void fl_flow_bytes(const struct tcp_sock* tcp, bool fin_came, const struct fl_socket* socket,
                                          struct fl_flow* flow) {
  __u64 out = tcp->bytes_sent - tcp->bytes_retrans;
  __u64 in = tcp->bytes_received - (fin_came && tcp->bytes_received != 0 ? 1 : 0);
  __u64 redirected_out, redirected_in;
  if (socket->is_leg && fl_redirected_bytes(flow->cookie, &redirected_out, &redirected_in)) {
    out += redirected_out;
    in += redirected_in;
  }
  flow->sent = socket->is_source ? out : in;
  flow->received = socket->is_source ? in : out;
}

/* What a socket's storage knows of its connection. `tuple`: as the socket sees it. */
static __always_inline void fl_flow_fill(const struct fl_socket* socket, const struct fl_tuple* tuple,
                                         struct fl_flow* flow) {
  flow->opened_ns = socket->opened_ns;
  flow->source_netns = socket->source_netns;
  flow->destination_netns = socket->destination_netns;
  flow->source = socket->is_source ? tuple->local : tuple->remote;
  flow->dialled = socket->original;
  flow->destination = socket->is_source ? tuple->remote : tuple->local;
  flow->identity = socket->identity;
  flow->policy = socket->policy;
  flow->reporters = socket->reporters;
  flow->established = socket->established;
  flow->in_mesh = socket->in_mesh;
}

/* Adds an ended connection to the sums. */
static __always_inline void fl_traffic_add(const struct fl_flow* flow) {
  struct fl_traffic_key key;
  fl_traffic_key_of(flow, &key);
  struct fl_traffic* sum = bpf_map_lookup_elem(&m_traffic, &key);
  if (sum == NULL) {
    struct fl_traffic none = {};
    bpf_map_update_elem(&m_traffic, &key, &none, BPF_NOEXIST); /* another CPU may have been first: as good */
    sum = bpf_map_lookup_elem(&m_traffic, &key);
  }
  if (sum == NULL) {
    fl_count_at(FL_COUNTER_TRAFFIC_LOST);
    return;
  }
  __sync_fetch_and_add(&sum->closed, 1);
  __sync_fetch_and_add(&sum->sent, flow->sent);
  __sync_fetch_and_add(&sum->received, flow->received);
}
