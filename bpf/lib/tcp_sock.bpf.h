/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * What only the kernel's own structures tell of a socket. Needs the kernel's BTF: for programs of the acceleration
 * only.
 */
#pragma once

/* clang-format off */
#include "bpf/lib/kernel.bpf.h"

#include <bpf/bpf_core_read.h>
/* clang-format on */

#define FL_O_NONBLOCK 04000 /* x86-64, arm64 */
#define FL_SEND_SHUTDOWN 2
#define FL_RCV_SHUTDOWN 1

static __always_inline __u64 fl_cookie_of(const struct tcp_sock* tcp) {
  return tcp->inet_conn.icsk_inet.sk.__sk_common.skc_cookie.counter;
}

/* Neither a subflow of MPTCP nor with another protocol on top (kTLS), whose reader would not see our bytes, nor with
 * SO_ZEROCOPY, whose sender waits for a word about each of its buffers that a member of a sockhash never gets. */
static __always_inline bool fl_is_plain_tcp(const struct tcp_sock* tcp) {
  __u64 flags = tcp->inet_conn.icsk_inet.sk.__sk_common.skc_flags;
  return !tcp->is_mptcp && tcp->inet_conn.icsk_ulp_ops == NULL &&
         (flags & 1UL << bpf_core_enum_value(enum sock_flags, SOCK_ZEROCOPY)) == 0;
}

enum fl_file_manner {
  FL_FILE_NONE, /* nobody has accepted it yet */
  FL_FILE_BLOCKING,
  FL_FILE_NON_BLOCKING,
};

static __always_inline enum fl_file_manner fl_file_manner(const struct tcp_sock* tcp) {
  const struct socket* socket = tcp->inet_conn.icsk_inet.sk.sk_socket;
  if (socket == NULL) {
    return FL_FILE_NONE;
  }
  const struct file* file = socket->file;
  if (file == NULL) {
    return FL_FILE_NONE;
  }
  return (file->f_flags & FL_O_NONBLOCK) != 0 ? FL_FILE_NON_BLOCKING : FL_FILE_BLOCKING;
}
