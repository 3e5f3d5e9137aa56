/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Counts the open connections of endpoints that are chosen by their load.
 */
#pragma once

#include "bpf/lib/socket.bpf.h"

static __always_inline struct fl_load* fl_load_at(const struct fl_sockaddr* endpoint) {
  struct fl_sockaddr key = {.ip = endpoint->ip, .port = endpoint->port}; /* with padding that is zero */
  return bpf_map_lookup_elem(&m_loads, &key);
}

/* A socket is about to send its SYN to `to`: counts it there, if that is how its endpoint was chosen. Here and not in
 * connect(), which may yet fail without any event that would end the count. REQUIRES: its states are watched. */
static __always_inline void fl_load_add(struct fl_socket* socket, const struct fl_sockaddr* to) {
  if (!socket->counted || socket->kind != FL_CONNECTION_KERNEL) {
    return;
  }
  struct fl_load* load = fl_load_at(to);
  if (load == NULL) {
    return;
  }
  __sync_fetch_and_add(&load->open, 1);
  socket->load_epoch = load->epoch;
}

/* The socket is closed. An entry that was made anew meanwhile has never counted it. */
static __always_inline void fl_load_remove(struct fl_socket* socket, const struct fl_sockaddr* to) {
  if (socket->load_epoch == 0) {
    return;
  }
  struct fl_load* load = fl_load_at(to);
  if (load != NULL && load->epoch == socket->load_epoch) {
    __sync_fetch_and_add(&load->open, -1);
  }
  socket->load_epoch = 0;
}
