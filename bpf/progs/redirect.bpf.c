/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * sk_msg on m_members: shall these bytes go into the queue of the socket at the other end, or over TCP? Runs for each
 * send() on a member, with the sender's lock held. The kernel's reader empties the queue of redirected bytes before it
 * looks at TCP's (net/ipv4/tcp_bpf.c, tcp_bpf_recvmsg), never tells a sender to wait for it, and has no order between
 * the two. So a direction
 *
 * - begins to be redirected when nothing of it is on its way or unread: everything acknowledged, everything read;
 * - leaves when the queue has been read empty, so that no reader ever meets bytes of both kinds; only
 * - beyond FL_QUEUE_MAX unread bytes does it leave at once: TCP's own window then holds the sender back;
 * - stays on TCP while it streams small messages: each redirected message wakes the reader, TCP collects them.
 */
#include "bpf/lib/accelerate.bpf.h"
#include "bpf/lib/tcp_sock.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* Unread bytes in a queue. */
#define FL_QUEUE_MAX (256 * 1024)
/* Messages without an answer that make a stream, and the average size below which it is better off over TCP. */
#define FL_STREAM_RUN 16
#define FL_STREAM_SMALL 4096

/* The field of a socket that only an address is left of. Zero where it cannot be read. */
#define FL_FIELD_OF(address, field)                    \
  ({                                                   \
    struct tcp_sock* at = (struct tcp_sock*)(address); \
    __typeof__(at->field) value = 0;                   \
    bpf_core_read(&value, sizeof(value), &at->field);  \
    value;                                             \
  })

/* Bytes in the receive queues of the other end, of both kinds. */
static __always_inline __u32 unread_at(const struct fl_leg* leg) {
  return FL_FIELD_OF(leg->peer_sock, inet_conn.icsk_inet.sk.sk_backlog.rmem_alloc.counter);
}

/* An application that blocks after all: it is not redirected any more, and others like it do not join. */
static __always_inline void retire(struct fl_leg* leg) {
  struct fl_leg* other = fl_leg_of(leg->peer);
  if (other != NULL) {
    other->retired = 1;
  }
  leg->retired = 1;
  if (leg->manner.side != 0) {
    struct fl_manner_key key = leg->manner;
    fl_learn_manner(&key, FL_MANNER_BLOCKING);
  }
}

/* Whether many messages have left since the last one came. */
static __always_inline bool streams(struct fl_leg* leg, const struct tcp_sock* tcp, __u32 size) {
  leg->run++;
  leg->run_bytes += size;
  if (leg->run < FL_STREAM_RUN) {
    return false;
  }
  const struct fl_leg* other = fl_leg_of(leg->peer);
  __u64 come = tcp->rcv_nxt + (other != NULL ? other->sent : 0);
  if (come != leg->turn) {
    leg->turn = come;
    leg->run = leg->run_bytes = 0;
    return false;
  }
  if (leg->run > 0xffff) { /* the average of the last ones */
    leg->run /= 2;
    leg->run_bytes /= 2;
  }
  return leg->run_bytes / leg->run < FL_STREAM_SMALL;
}

static __always_inline bool wanted(struct fl_leg* leg, const struct tcp_sock* tcp, __u32 size) {
  if (leg->manner.side != 0 && !leg->retired && fl_file_manner(tcp) == FL_FILE_BLOCKING) {
    retire(leg);
  }
  return !leg->retired && fl_acceleration_on() && !streams(leg, tcp, size);
}

/* Everything sent was acknowledged, and everything that came was read. */
static __always_inline bool nothing_on_the_way(const struct fl_leg* leg, const struct tcp_sock* tcp) {
  if (tcp->snd_una != tcp->write_seq) {
    return false;
  }
  __u32 come = FL_FIELD_OF(leg->peer_sock, rcv_nxt);
  __u32 read = FL_FIELD_OF(leg->peer_sock, copied_seq);
  __u64 cookie = FL_FIELD_OF(leg->peer_sock, inet_conn.icsk_inet.sk.__sk_common.skc_cookie.counter);
  return come == read && cookie == leg->peer;
}

static __always_inline bool may_redirect(struct fl_leg* leg, const struct tcp_sock* tcp, __u32 size) {
  bool is_wanted = wanted(leg, tcp, size);
  if (leg->state == FL_LEG_REDIRECTED) {
    __u32 unread = unread_at(leg);
    return (is_wanted || unread != 0) && unread + size <= FL_QUEUE_MAX;
  }
  return is_wanted && nothing_on_the_way(leg, tcp);
}

SEC("sk_msg")
int redirect(struct sk_msg_md* msg) {
  const struct tcp_sock* tcp = bpf_skc_to_tcp_sock(msg->sk);
  if (tcp == NULL) {
    return SK_PASS;
  }
  struct fl_leg* leg = fl_leg_of(fl_cookie_of(tcp));
  if (leg == NULL || leg->peer == 0) {
    return SK_PASS;
  }
  /* A send() after one's own shutdown() has to fail, which only TCP sees to. */
  bool ended = (tcp->inet_conn.icsk_inet.sk.sk_shutdown & FL_SEND_SHUTDOWN) != 0;
  if (ended || !may_redirect(leg, tcp, msg->size)) {
    leg->state = FL_LEG_TCP;
    return SK_PASS;
  }
  __u64 peer = leg->peer;
  if (bpf_msg_redirect_hash(msg, &m_members, &peer, BPF_F_INGRESS) != SK_PASS) {
    leg->state = FL_LEG_TCP;
    return SK_PASS;
  }
  leg->state = FL_LEG_REDIRECTED;
  leg->sent += msg->size;
  return SK_PASS;
}
