/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Iterator over m_sockets: which connections are open on the kernel path, and how much have they carried? Writes one
 * struct fl_flow each, over all namespaces. Reads without locks: figures of one connection may differ by the segment
 * that is just arriving.
 */
#include "bpf/lib/flow.bpf.h"

char fl_license[] SEC("license") = "GPL";

static __always_inline void tuple_of(const struct sock_common* common, struct fl_tuple* tuple) {
  if (common->skc_family == AF_INET) {
    tuple->local.ip = fl_addr_v4(common->skc_rcv_saddr);
    tuple->remote.ip = fl_addr_v4(common->skc_daddr);
  } else {
    for (int word = 0; word < 4; word++) {
      tuple->local.ip.w[word] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[word];
      tuple->remote.ip.w[word] = common->skc_v6_daddr.in6_u.u6_addr32[word];
    }
  }
  tuple->local.port = bpf_htons(common->skc_num);
  tuple->remote.port = common->skc_dport;
}

SEC("iter/bpf_sk_storage_map")
int list_open(struct bpf_iter__bpf_sk_storage_map* ctx) {
  struct sock* sk = ctx->sk;
  const struct fl_socket* socket = ctx->value;
  if (sk == NULL || socket == NULL || socket->reporters == 0 || socket->opened_ns == 0) {
    return 0;
  }
  const struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
  if (tcp == NULL || sk->__sk_common.skc_num == 0) {
    return 0;
  }
  struct fl_flow flow = {};
  struct fl_tuple tuple = {};
  tuple_of(&sk->__sk_common, &tuple);
  fl_flow_fill(socket, &tuple, &flow);
  flow.cookie = sk->__sk_common.skc_cookie.counter;
  fl_flow_bytes(tcp, sk->__sk_common.skc_flags >> SOCK_DONE & 1, socket, &flow);
  flow.reason = FL_REASON_KERNEL_PATH;
  bpf_seq_write(ctx->meta->seq, &flow, sizeof(flow));
  return 0;
}
