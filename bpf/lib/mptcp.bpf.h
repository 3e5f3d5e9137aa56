/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * An MPTCP socket has two faces: the connect hooks and sock_ops see its TCP subflow, getpeername() and getsockname()
 * the socket that the application holds. What they shall show has to be remembered there too.
 */
#pragma once

#include "bpf/lib/compat.bpf.h"
#include "bpf/lib/socket.bpf.h"

/* The application's MPTCP socket; NULL: `sk` is no subflow. */
static __always_inline struct mptcp_sock* fl_mptcp_of(struct bpf_sock* sk) {
  return fl_has_mptcp ? bpf_skc_to_mptcp_sock(sk) : NULL;
}

/* Copies what is remembered of the subflow, for what is shown: the record of the connection is the subflow's. False: no
 * memory. */
static __always_inline bool fl_mptcp_remember(struct bpf_sock* sk) {
  struct mptcp_sock* whole = fl_mptcp_of(sk);
  if (whole == NULL) {
    return true;
  }
  const struct fl_socket* socket = fl_socket_of(sk);
  if (socket == NULL) {
    return false;
  }
  struct fl_socket* copy = bpf_sk_storage_get(&m_sockets, whole, NULL, BPF_SK_STORAGE_GET_F_CREATE);
  if (copy == NULL) {
    return false;
  }
  *copy = *socket;
  copy->reporters = 0;
  return true;
}

static __always_inline void fl_mptcp_forget(struct bpf_sock* sk) {
  struct mptcp_sock* whole = fl_mptcp_of(sk);
  if (whole != NULL) {
    bpf_sk_storage_delete(&m_sockets, whole);
  }
}
