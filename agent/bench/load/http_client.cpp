#include "agent/bench/load/http_client.h"

#include "agent/bench/load/target.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace fairlead::bench {
namespace {

using Kind = http::BodyFraming::Kind;

// One for all: what is read is dealt with at once.
std::array<char, 256 * 1024>& read_space() {
  static std::array<char, 256 * 1024> space;
  return space;
}

}  // namespace

HttpClient::Step HttpClient::failed(const char* why) {
  failure_ = why;
  close();
  return Step::kFailed;
}

bool HttpClient::open() {
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  const int one = 1;
  socket_ = Fd(socket(target_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (!socket_ || ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&target_), size_of(target_)) != 0) {
    failed(std::strerror(errno));
    return false;
  }
  fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  return true;
}

HttpClient::Step HttpClient::send() {
  sent_ = 0;
  in_body_ = closes_ = false;
  parser_.reset();
  unfinished_.clear();
  if (!socket_) {
    return connect();
  }
  return write();
}

HttpClient::Step HttpClient::connect() {
  socket_ = Fd(socket(target_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) {
    return failed("socket");
  }
  const int one = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&target_), size_of(target_)) == 0) {
    return write();
  }
  if (errno != EINPROGRESS) {
    return failed(std::strerror(errno));
  }
  connecting_ = true;
  return Step::kWait;
}

HttpClient::Step HttpClient::write() {
  const std::string_view rest = request_.substr(sent_);
  const ssize_t count = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (count < 0 && errno != EAGAIN) {
    return failed(std::strerror(errno));
  }
  sent_ += static_cast<size_t>(std::max<ssize_t>(count, 0));
  return Step::kWait;
}

HttpClient::Step HttpClient::advance() {
  if (connecting_) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    connecting_ = false;
    if (error != 0) {
      return failed(std::strerror(error));
    }
  }
  if (sent_ < request_.size()) {
    if (const Step wrote = write(); wrote == Step::kFailed || sent_ < request_.size()) {
      return wrote;
    }
  }
  return read();
}

HttpClient::Step HttpClient::read() {
  auto& space = read_space();
  while (true) {
    const ssize_t count = recv(socket_.get(), space.data(), space.size(), 0);
    if (count < 0) {
      return errno == EAGAIN ? Step::kWait : failed(std::strerror(errno));
    }
    if (count == 0) {
      if (!in_body_ || framing_.kind != Kind::kUntilClose) {
        return failed("the connection was closed before the whole answer had come");
      }
      close();
      return Step::kAnswered;
    }
    if (const Step step = consume({space.data(), static_cast<size_t>(count)}); step != Step::kWait) {
      return step;
    }
    if (static_cast<size_t>(count) < space.size()) {
      return Step::kWait;  // drained: the next byte is another event
    }
  }
}

HttpClient::Step HttpClient::consume(std::string_view bytes) {
  while (!in_body_) {
    if (!unfinished_.empty()) {
      unfinished_.append(bytes);
      bytes = unfinished_;
    }
    size_t consumed = 0;
    http::Refusal refusal;
    const auto progress = parser_.parse(bytes, "GET", head_, consumed, refusal);
    if (progress == http::Progress::kRefused) {
      return failed("no HTTP/1.1 answer");
    }
    if (progress == http::Progress::kNeedMore) {
      if (unfinished_.empty()) {
        unfinished_.assign(bytes);
      }
      return Step::kWait;
    }
    bytes.remove_prefix(consumed);
    if (head_.status >= 200) {
      if (head_.status >= 400) {
        return failed("an answer other than 2xx or 3xx");
      }
      framing_ = head_.body;
      left_ = framing_.kind == Kind::kLength ? framing_.length : 0;
      chunks_ = {};
      closes_ = !head_.keep_alive || framing_.kind == Kind::kUntilClose;
      in_body_ = true;
    }
  }
  const Step step = body(bytes);
  unfinished_.clear();
  if (step == Step::kAnswered && closes_) {
    close();
  }
  return step;
}

// Of `bytes`, which begin in the body. Nothing may follow it: one request is under way at a time.
HttpClient::Step HttpClient::body(std::string_view& bytes) {
  switch (framing_.kind) {
    case Kind::kNone:
    case Kind::kLength: {
      const uint64_t taken = std::min<uint64_t>(left_, bytes.size());
      left_ -= taken;
      if (taken < bytes.size()) {
        return failed("more bytes than the answer has");
      }
      return left_ == 0 ? Step::kAnswered : Step::kWait;
    }
    case Kind::kUntilClose:
      return Step::kWait;
    case Kind::kChunked:
      break;
  }
  while (true) {
    const auto step = chunks_.step(bytes);
    bytes.remove_prefix(step.consumed);
    if (step.progress == http::Progress::kRefused) {
      return failed("a malformed chunked body");
    }
    if (step.progress == http::Progress::kDone) {
      return bytes.empty() ? Step::kAnswered : failed("more bytes than the answer has");
    }
    if (step.consumed == 0) {
      return Step::kWait;
    }
  }
}

}  // namespace fairlead::bench
