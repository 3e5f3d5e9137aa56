#include "tests/torture/writer.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace fairlead::torture {

Pipe::Pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    fmt::print(stderr, "torture: no pipe: {}\n", strerror(errno));
    std::exit(2);
  }
  out = Fd(ends[0]);
  in = Fd(ends[1]);
}

Writer::Writer(const Pattern& pattern, const EndPlan& plan, const Plan& connection, Report& report, Flow& flow)
    : pattern_(pattern),
      plan_(plan),
      report_(report),
      flow_(flow),
      random_(plan.sends.start),
      chunked_(connection.framing == Framing::kChunked),
      lockstep_(connection.order == Order::kLockstep) {
  if (plan.sending == Sending::kSplice) {
    pipe_ = std::make_unique<Pipe>();
  }
}

Writer::Step Writer::step(int socket, uint64_t allowed) {
  if (!literal_.empty()) {
    return send_literal(socket);
  }
  if (left_ != 0) {
    const ssize_t sent = send_piece(socket);
    if (sent < 0) {
      error_ = errno;
      return error_ == EAGAIN || error_ == EINTR ? Step::kWouldBlock : Step::kFailed;
    }
    left_ -= static_cast<uint64_t>(sent);
    flow_.sent += static_cast<uint64_t>(sent);
    report_.moved += static_cast<uint64_t>(sent);
    if (left_ == 0 && chunked_) {
      literal_ = "\r\n";
    }
    return Step::kWrote;
  }
  if (taken_ == plan_.sends.total) {
    if (chunked_ && !over_) {
      literal_ = "0\r\n\r\n";
      over_ = true;
      return send_literal(socket);
    }
    return Step::kDone;
  }
  return next_piece(allowed) ? Step::kWrote : Step::kGated;
}

Writer::Step Writer::send_literal(int socket) {
  const int more = left_ != 0 && !lockstep_ ? MSG_MORE : 0;
  const ssize_t sent = send(socket, literal_.data(), literal_.size(), MSG_NOSIGNAL | more);
  if (sent < 0) {
    error_ = errno;
    return error_ == EAGAIN || error_ == EINTR ? Step::kWouldBlock : Step::kFailed;
  }
  literal_.erase(0, static_cast<size_t>(sent));
  return Step::kWrote;
}

bool Writer::next_piece(uint64_t allowed) {
  const uint64_t most = std::min(allowed, plan_.sends.total);
  if (most <= taken_) {
    return false;
  }
  left_ = pattern_.bytes(plan_.sends, taken_, std::min(most - taken_, 1 + random_.below(plan_.piece))).size();
  taken_ += left_;
  if (chunked_) {
    literal_ = fmt::format("{:x}\r\n", left_);
  }
  return true;
}

ssize_t Writer::send_piece(int socket) {
  const uint64_t position = taken_ - left_;
  const auto bytes = pattern_.bytes(plan_.sends, position, left_);
  switch (plan_.sending) {
    case Sending::kVector:
      return by_message(socket, bytes);
    case Sending::kSendfile: {
      auto offset = static_cast<off_t>(Pattern::place(plan_.sends, position));
      return sendfile(socket, pattern_.fd(), &offset, bytes.size());
    }
    case Sending::kSplice:
      return by_splice(socket, bytes);
    case Sending::kMore: {
      // In lockstep the peer waits for these very bytes.
      const int more = taken_ != plan_.sends.total && !lockstep_ ? MSG_MORE : 0;
      return send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | more);
    }
    default:
      return send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
}

ssize_t Writer::by_message(int socket, std::span<const char> bytes) const {
  const size_t third = bytes.size() / 3;
  char* const base = const_cast<char*>(bytes.data());
  std::array<iovec, 3> parts{iovec{.iov_base = base, .iov_len = third},
                             iovec{.iov_base = base + third, .iov_len = third},
                             iovec{.iov_base = base + 2 * third, .iov_len = bytes.size() - 2 * third}};
  const msghdr message{.msg_name = nullptr,
                       .msg_namelen = 0,
                       .msg_iov = parts.data(),
                       .msg_iovlen = parts.size(),
                       .msg_control = nullptr,
                       .msg_controllen = 0,
                       .msg_flags = 0};
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

ssize_t Writer::by_splice(int socket, std::span<const char> bytes) {
  if (in_pipe_ == 0) {
    auto offset = static_cast<off_t>(Pattern::place(plan_.sends, taken_ - left_));
    const ssize_t piped = splice(pattern_.fd(), &offset, pipe_->in.get(), nullptr, bytes.size(), 0);
    if (piped <= 0) {
      return piped;
    }
    in_pipe_ = static_cast<uint64_t>(piped);
  }
  const ssize_t sent = splice(pipe_->out.get(), nullptr, socket, nullptr, in_pipe_, 0);
  if (sent > 0) {
    in_pipe_ -= static_cast<uint64_t>(sent);
  }
  return sent;
}

}  // namespace fairlead::torture
