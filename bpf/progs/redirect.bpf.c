/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * sk_msg on m_members: shall these bytes go into the queue of the socket at the other end, or over TCP? Runs for each
 * send() on a member, with the sender's lock held. The kernel's reader empties the queue of redirected bytes before it
 * looks at TCP's (net/ipv4/tcp_bpf.c, tcp_bpf_recvmsg), never tells a sender to wait for it, and has no order between
 * the two. So a direction
 *
 * - begins to be redirected when nothing of it is on its way or unread: everything acknowledged, everything read;
 * - leaves when the queue has been read empty, so that no reader ever meets bytes of both kinds; only
 * - beyond a limit of unread bytes does it leave at once: TCP's own window then holds the sender back. Unread bytes
 *   count against the reader's receive buffer, so TCP's arrive only when those have been read.
 */
#include "bpf/lib/accelerate.bpf.h"
#include "bpf/lib/tcp_sock.bpf.h"

char fl_license[] SEC("license") = "GPL";

/* Unread in a queue: bytes, and messages, each of which takes 1 KiB besides its bytes (struct sk_msg). How many are
 * unread is not known: no more than since the queue was last seen empty, and no more than bytes. Larger is faster: a
 * reader on the sender's core gets its turn before the sender has to change to TCP and back. Decision
 * 0016 has the figures. A path of two sidecars has three hops: less than 4 MiB with what TCP holds. */
#define FL_QUEUE_MAX (1024 * 1024)
#define FL_QUEUE_HOP_MAX (512 * 1024)
#define FL_QUEUE_MESSAGES 2048

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

static __always_inline bool wanted(struct fl_leg* leg, const struct tcp_sock* tcp) {
  if (leg->manner.side != 0 && !leg->retired && fl_file_manner(tcp) == FL_FILE_BLOCKING) {
    retire(leg);
  }
  return !leg->retired && fl_acceleration_on();
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
  bool is_wanted = wanted(leg, tcp);
  if (leg->state != FL_LEG_REDIRECTED) {
    leg->queued = 1;
    return is_wanted && nothing_on_the_way(leg, tcp);
  }
  __u32 unread = unread_at(leg);
  leg->queued = unread == 0 ? 1 : leg->queued + 1;
  /* Behind a few bytes it stays, however large the message: a reader that takes them for all there was would not look
   * again. One message is half a mebibyte at most (17 fragments of 32 KiB). */
  __u32 most = leg->is_hop ? FL_QUEUE_HOP_MAX : FL_QUEUE_MAX;
  bool room = unread <= FL_QUEUE_MESSAGES || (unread + size <= most && leg->queued <= FL_QUEUE_MESSAGES);
  return (is_wanted || unread != 0) && room;
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
