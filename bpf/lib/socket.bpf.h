/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Socket storage: tags of the agent's sockets, and what BPF remembers of any socket.
 */
#pragma once

#include "bpf/lib/maps.bpf.h"

/* The tag that the agent gave to this socket or to the listener that it was accepted from; NULL: somebody else's. */
static __always_inline const struct fl_tag* fl_tag_of(struct bpf_sock* sk) {
  return bpf_sk_storage_get(&m_tags, sk, NULL, 0);
}

static __always_inline struct fl_socket* fl_socket_of(struct bpf_sock* sk) {
  return bpf_sk_storage_get(&m_sockets, sk, NULL, 0);
}

/* The same, made if absent: the dearest step of a connect, so only where something has to be remembered. NULL: no
 * memory. */
static __always_inline struct fl_socket* fl_remember(struct bpf_sock* sk) {
  return bpf_sk_storage_get(&m_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
}

/* Drops what an earlier connect() of the same socket left. */
static __always_inline void fl_forget(struct bpf_sock* sk) { bpf_sk_storage_delete(&m_sockets, sk); }
