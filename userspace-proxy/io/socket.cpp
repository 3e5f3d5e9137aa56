#include "userspace-proxy/io/socket.h"

#include <sys/socket.h>

#include <utility>

namespace fairlead::io {

Socket::Socket(Loop& loop, Fd fd) : loop_(loop), fd_(std::move(fd)) {}

Socket::~Socket() {
  if (started_) {
    loop_.remove(fd_.get(), *this);
  }
}

Status Socket::start() {
  if (started_) {
    return {};
  }
  if (auto added = loop_.add(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this); !added) {
    return added;
  }
  started_ = true;
  return {};
}

Transfer Socket::finish(ssize_t n, size_t wanted, bool reading) {
  using Outcome = Transfer::Outcome;
  bool& latch = reading ? readable_ : writable_;
  if (n > 0) {
    const bool is_short = std::cmp_less(n, wanted);
    const bool may_have_more = reading && (end_seen_ || read_full_ || std::cmp_greater_equal(n, kMayHideMore));
    if (is_short && !may_have_more) {
      latch = false;
    }
    if (reading) {
      read_full_ = !is_short;
    }
    return {.outcome = Outcome::kBytes, .bytes = static_cast<size_t>(n), .error = 0};
  }
  if (n == 0) {
    return {.outcome = reading ? Outcome::kEnd : Outcome::kWouldBlock, .bytes = 0, .error = 0};
  }
  const bool no_memory = errno == ENOMEM && !reading;
  if (errno == EAGAIN || errno == EWOULDBLOCK || no_memory) {
    latch = false;
    read_full_ = read_full_ && !reading;
    if (no_memory) {
      loop_.arm(retry_, loop_.now_ns() + kRetryNs);
    }
    return {.outcome = Outcome::kWouldBlock, .bytes = 0, .error = 0};
  }
  return {.outcome = Outcome::kError, .bytes = 0, .error = errno};
}

Transfer Socket::read(std::span<char> into) {
  ssize_t n;
  do {
    n = ::recv(fd_.get(), into.data(), into.size(), 0);
  } while (n < 0 && errno == EINTR);
  return finish(n, into.size(), true);
}

Transfer Socket::write(std::span<const char> bytes) {
  ssize_t n;
  do {
    n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return finish(n, bytes.size(), false);
}

Transfer Socket::write(std::span<const iovec> pieces) {
  size_t wanted = 0;
  for (const iovec& piece : pieces) {
    wanted += piece.iov_len;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  ssize_t n;
  do {
    n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return finish(n, wanted, false);
}

int Socket::take_error() const {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void Socket::cancel() { wake(Wake::kCancelled); }

void Socket::shut_down_writing() { ::shutdown(fd_.get(), SHUT_WR); }

void Socket::reset_on_close() {
  const linger abort{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

void Socket::wake(Wake why) {
  if (waiter_ != nullptr) {
    std::exchange(waiter_, nullptr)->wake(why);
  }
}

void Socket::on_events(uint32_t events) {
  const bool over = (events & (EPOLLHUP | EPOLLERR)) != 0;
  failed_ = failed_ || over;
  end_seen_ = end_seen_ || over || (events & EPOLLRDHUP) != 0;
  readable_ = readable_ || over || (events & (EPOLLIN | EPOLLRDHUP)) != 0;
  writable_ = writable_ || over || (events & EPOLLOUT) != 0;
  if (waiter_ != nullptr && ready(interest_)) {
    wake(Wake::kReady);
  }
}

}  // namespace fairlead::io
