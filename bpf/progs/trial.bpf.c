/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * What the self-tests of acceleration run (agent/kernel/self_test.h): the same kernel functions as accelerate and
 * redirect use, without their guards, on sockets of a namespace made for it. Maps of its own.
 */
#include "bpf/lib/tcp_sock.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* Cookie of the namespace. */
const volatile __u64 fl_netns = 0;

struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, 64);
  __type(key, __u64);
  __type(value, __u64);
} m_trial_members SEC(".maps");

/* Socket cookie -> that of the socket that its bytes go to; absent: over TCP. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, __u64);
  __type(value, __u64);
} m_trial_peers SEC(".maps");

SEC("sockops")
int trial_join(struct bpf_sock_ops* ctx) {
  if (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
    return FL_PROCEED;
  }
  struct bpf_sock* sk = ctx->sk;
  if (sk == NULL || bpf_get_netns_cookie(ctx) != fl_netns) {
    return FL_PROCEED;
  }
  const struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
  if (tcp != NULL && fl_is_plain_tcp(tcp)) {
    __u64 cookie = bpf_get_socket_cookie(ctx);
    bpf_sock_hash_update(ctx, &m_trial_members, &cookie, BPF_NOEXIST);
  }
  return FL_PROCEED;
}

SEC("sk_msg")
int trial_redirect(struct sk_msg_md* msg) {
  const struct tcp_sock* tcp = bpf_skc_to_tcp_sock(msg->sk);
  if (tcp == NULL) {
    return SK_PASS;
  }
  __u64 cookie = fl_cookie_of(tcp);
  const __u64* peer = bpf_map_lookup_elem(&m_trial_peers, &cookie);
  if (peer == NULL) {
    return SK_PASS;
  }
  __u64 key = *peer;
  return bpf_msg_redirect_hash(msg, &m_trial_members, &key, BPF_F_INGRESS);
}
