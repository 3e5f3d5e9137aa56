#include "tests/torture/end.h"

#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace fairlead::torture {
namespace {

constexpr int kStuckTicks = 20;  // a sender that got rid of nothing for so long is blocked

Payload payload_of(const Plan& plan, uint64_t total, bool chunked) {
  if (plan.framing == Framing::kRaw || plan.framing == Framing::kUpgrade) {
    return {};
  }
  return {chunked ? Payload::Kind::kChunked : Payload::Kind::kLength, total};
}

}  // namespace

End::End(World& world, Connection& connection, Side side, Fd socket)
    : world_(world),
      connection_(connection),
      side_(side),
      plan_(side == Side::kClient ? connection.plan.client : connection.plan.server),
      peer_(side == Side::kClient ? connection.plan.server : connection.plan.client),
      out_(side == Side::kClient ? connection.up : connection.down),
      in_(side == Side::kClient ? connection.down : connection.up),
      socket_(std::move(socket)),
      writer_(world.pattern, plan_, connection.plan, world.report, out_),
      reader_(plan_),
      payload_(payload_of(connection.plan, peer_.sends.total, connection.plan.framing == Framing::kChunked)),
      head_seen_(side == Side::kServer || connection.plan.framing == Framing::kRaw) {
  writer_.put(side == Side::kClient ? opening(connection.plan, world.options.host) : answer(connection.plan));
  const int on = plan_.no_delay ? 1 : 0;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  world.report.count(plan_);
  if (payload_.whole()) {
    const bool known = head_seen_;
    peer_ended_ = reading_over_ = known;
  }
}

bool End::is_http() const {
  return connection_.plan.framing == Framing::kChunked || connection_.plan.framing == Framing::kLength;
}

std::string End::name() const { return side_ == Side::kClient ? "the client" : "the server"; }

End::Step End::wrong(const std::string& words) {
  world_.report.fail(connection_, name() + ": " + words);
  leave();
  return Step::kOver;
}

void End::leave() {
  reading_over_ = writing_over_ = true;
  shutdown(socket_.get(), SHUT_RDWR);  // wakes the other thread of a blocking end
}

bool End::leave_if_planned() {
  if (plan_.leaves_at == kNever || out_.sent + in_.received < plan_.leaves_at) {
    return false;
  }
  if (plan_.ending == Ending::kReset) {
    const linger none{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  }
  reading_over_ = writing_over_ = true;  // whoever drives this end finishes it now
  return true;
}

// How far the stream may go.
uint64_t End::allowed() const {
  const Order order = connection_.plan.order;
  if (side_ == Side::kServer && is_http() && !peer_ended_) {
    // An answer that is whole before its request ends the request (Envoy does so too): its last byte waits.
    const uint64_t before_last = plan_.sends.total - 1;
    return order == Order::kServerAnswersEnd ? 0
           : order == Order::kLockstep       ? std::min<uint64_t>(in_.received, before_last)
                                             : before_last;
  }
  if (side_ == Side::kClient && connection_.plan.framing == Framing::kUpgrade && !head_seen_) {
    return 0;
  }
  if (order == Order::kLockstep) {
    return in_.received + (side_ == Side::kClient ? connection_.plan.window : 0);
  }
  const bool answers = order == (side_ == Side::kServer ? Order::kServerAnswersEnd : Order::kClientAnswersEnd);
  return answers && !peer_ended_ ? 0 : kNever;
}

End::Step End::write_step() {
  if (writing_over_ || leave_if_planned()) {
    return Step::kOver;
  }
  switch (writer_.step(socket_.get(), allowed())) {
    case Writer::Step::kWrote:
      return leave_if_planned() ? Step::kOver : Step::kAgain;
    case Writer::Step::kWouldBlock:
      return Step::kBlocked;
    case Writer::Step::kGated:
      if (!reading_over_ || allowed() > out_.sent) {
        return Step::kGated;
      }
      writing_over_ = true;  // what it waits for will not come
      return Step::kOver;
    case Writer::Step::kDone:
      return sent_everything();
    case Writer::Step::kFailed:
      break;
  }
  if (connection_.plan.complete() && !reading_over_) {
    return wrong(fmt::format("sending failed after {} of {}: {}", out_.sent.load(), plan_.sends.total,
                             strerror(writer_.error())));
  }
  failed_ = true;
  writing_over_ = true;
  return Step::kOver;
}

End::Step End::sent_everything() {
  if (plan_.ending == Ending::kCloseAtOnce) {
    // To close a socket with bytes unread would be a reset: the request, or the answer to the upgrade, comes first.
    if (is_http() ? !peer_ended_ : !head_seen_) {
      return Step::kGated;
    }
    reading_over_ = true;
  } else if (!is_http()) {
    shutdown(socket_.get(), SHUT_WR);
  }
  writing_over_ = true;
  return Step::kOver;
}

void End::take_early(std::span<const char> bytes) {
  if (!bytes.empty()) {
    reading_over_ ? message_ended(bytes) : feed(bytes);
  }
}

End::Step End::read_step(bool announced) {
  if (reading_over_ || leave_if_planned()) {
    return Step::kOver;
  }
  if (stalled_) {
    return Step::kGated;
  }
  // A head is read byte by byte where MSG_WAITALL would wait for what is not sent yet.
  const bool careful = plan_.receiving == Receiving::kWaitall && !head_seen_;
  const auto got = reader_.step(socket_.get(), careful ? 1 : payload_.left(), announced);
  switch (got.outcome) {
    case Reader::Outcome::kWouldBlock:
      return Step::kBlocked;
    case Reader::Outcome::kBytes:
      return feed(got.bytes);
    case Reader::Outcome::kWrong:
      return wrong(got.words);
    default:
      return reading_ended(got);
  }
}

// The socket gives no more bytes.
End::Step End::reading_ended(const Reader::Got& got) {
  const uint64_t received = in_.received, total = peer_.sends.total;
  const bool clean = got.outcome == Reader::Outcome::kEnd;
  const bool expected = clean && !is_http() && head_seen_ && received == total;
  if (writing_over_ && reading_over_) {
    return Step::kOver;  // left meanwhile
  }
  if (connection_.plan.complete() && !expected) {
    return wrong(fmt::format("received {} of {}, then {}", received, total, clean ? "the end" : strerror(got.error)));
  }
  if (peer_.ending == Ending::kReset && plan_.ending == Ending::kOrderly && received < total) {
    // send() takes the error away from recv().
    (clean && !failed_ ? world_.report.resets_as_end : world_.report.resets_seen)++;
  }
  if (clean && !is_http()) {
    peer_ended_ = true;
  } else {
    writing_over_ = true;  // nobody is there
    shutdown(socket_.get(), SHUT_RDWR);
  }
  reading_over_ = true;
  return Step::kOver;
}

bool End::head_ended() {
  head_seen_ = true;
  const int status = head_.status();
  if (status != (connection_.plan.framing == Framing::kUpgrade ? 101 : 200)) {
    if (connection_.plan.complete()) {
      wrong(fmt::format("status {}", status));
    } else {
      leave();  // a proxy's word for a server that left
    }
    return false;
  }
  payload_ = payload_of(connection_.plan, peer_.sends.total, head_.chunked());
  return true;
}

End::Step End::feed(std::span<const char> bytes) {
  if (!head_seen_ && (!head_.feed(bytes) || !head_ended())) {
    return reading_over_ ? Step::kOver : Step::kAgain;
  }
  while (!bytes.empty() || payload_.whole()) {
    const auto piece = payload_.take(bytes);
    if (const auto words = world_.pattern.complaint(peer_.sends, in_.received, piece)) {
      return wrong(*words);
    }
    in_.received += piece.size();
    world_.report.moved += piece.size();
    if (payload_.broken()) {
      return wrong(fmt::format("after {} bytes: no chunk", in_.received.load()));
    }
    if (payload_.whole()) {
      return message_ended(bytes);
    }
  }
  if (in_.received >= plan_.stalls_at && !stall_done_) {
    stall_done_ = stalled_ = true;
  }
  return leave_if_planned() ? Step::kOver : Step::kAgain;
}

End::Step End::message_ended(std::span<const char> behind) {
  if (in_.received != peer_.sends.total) {
    return wrong(fmt::format("a whole message of {} bytes, not {}", in_.received.load(), peer_.sends.total));
  }
  if (!behind.empty() && (side_ == Side::kClient || !connection_.plan.keep)) {
    return wrong(fmt::format("{} bytes behind the message", behind.size()));
  }
  behind_.assign(behind.begin(), behind.end());
  peer_ended_ = reading_over_ = true;
  return Step::kOver;
}

void End::tick() {
  const uint64_t moved = out_.sent + out_.received + in_.sent + in_.received;
  still_ticks_ = moved == last_moved_ ? still_ticks_ + 1 : 0;
  last_moved_ = moved;
  const uint64_t unread = in_.unread();
  if (stalled_ && unread > world_.options.unread_limit) {
    stalled_ = false;
    wrong(fmt::format("reads nothing, and {} bytes were sent all the same", unread));
  } else if (stalled_ && unread != 0 && still_ticks_ >= kStuckTicks) {
    world_.report.stalled(unread);
    still_ticks_ = 0;
    stalled_ = false;
  } else if (still_ticks_ * static_cast<uint64_t>(kTickMs) > world_.options.patience_s * 1000 && !over()) {
    wrong(fmt::format("nothing moves: {} of {} sent{} and {} of them received, {} of {} received{} and {} of them sent",
                      out_.sent.load(), plan_.sends.total, writing_over_ ? " (done)" : "", out_.received.load(),
                      in_.received.load(), peer_.sends.total, reading_over_ ? " (done)" : "", in_.sent.load()));
  }
}

Remains End::finish() {
  (side_ == Side::kClient ? connection_.client_done : connection_.server_done) = true;
  if (connection_.plan.keep && is_http() && peer_ended_ && !connection_.failed) {
    return {.socket = std::move(socket_), .early = std::move(behind_)};
  }
  socket_.reset();
  return {};
}

}  // namespace fairlead::torture
