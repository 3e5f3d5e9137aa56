#include "tests/torture/reader.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace fairlead::torture {
namespace {

// Whoever got bytes of it uses them before the thread reads again.
thread_local std::array<char, 256U << 10U> room;
thread_local std::array<char, 256U << 10U> peeked;

}  // namespace

Reader::Reader(const EndPlan& plan) : plan_(plan), random_(plan.sends.start + 1) {
  if (plan.receiving == Receiving::kSplice) {
    pipe_ = std::make_unique<Pipe>();
  }
}

Reader::Got Reader::result(ssize_t received, const char* bytes) {
  if (received > 0) {
    return {.outcome = Outcome::kBytes, .bytes = {bytes, static_cast<size_t>(received)}};
  }
  if (received == 0) {
    return {.outcome = Outcome::kEnd};
  }
  if (errno == EAGAIN || errno == EINTR) {
    return {.outcome = Outcome::kWouldBlock};
  }
  return {.outcome = Outcome::kFailed, .error = errno};
}

Reader::Got Reader::step(int socket, uint64_t most, bool announced) {
  const size_t size = std::max<uint64_t>(1, std::min({most, 1 + random_.below(plan_.gulp), uint64_t{kRoom}}));
  switch (plan_.receiving) {
    case Receiving::kPeek:
      return peek(socket, size);
    case Receiving::kFionread:
      return counted(socket, size, announced);
    case Receiving::kSplice:
      return by_splice(socket, size);
    case Receiving::kWaitall:
      return wait_for_all(socket, size);
    default:
      return result(recv(socket, room.data(), size, 0), room.data());
  }
}

// What was seen must be what is then received.
Reader::Got Reader::peek(int socket, size_t size) {
  const Got seen = result(recv(socket, peeked.data(), size, MSG_PEEK), peeked.data());
  if (seen.outcome != Outcome::kBytes) {
    return seen;
  }
  const size_t part = 1 + random_.below(seen.bytes.size());
  Got got = result(recv(socket, room.data(), part, 0), room.data());
  if (got.outcome == Outcome::kFailed) {
    return got;  // a reset may come between
  }
  if (got.bytes.size() != part || memcmp(room.data(), peeked.data(), part) != 0) {
    return {.outcome = Outcome::kWrong,
            .words = fmt::format("MSG_PEEK saw {} bytes, then recv() of {} got {}, {}", seen.bytes.size(), part,
                                 got.bytes.size(), got.bytes.size() == part ? "others" : "too few")};
  }
  return got;
}

Reader::Got Reader::counted(int socket, size_t size, bool announced) {
  int readable = 0;
  if (ioctl(socket, FIONREAD, &readable) != 0) {
    return {.outcome = Outcome::kWrong, .words = fmt::format("FIONREAD: {}", strerror(errno))};
  }
  Got got = result(recv(socket, room.data(), size, 0), room.data());
  if (got.outcome == Outcome::kFailed) {
    return got;
  }
  const size_t promised = std::min<size_t>(size, static_cast<size_t>(readable));
  if (got.bytes.size() < promised) {
    return {.outcome = Outcome::kWrong,
            .words = fmt::format("FIONREAD said {}, recv() of {} got {}", readable, size, got.bytes.size())};
  }
  if (announced && readable == 0 && got.outcome == Outcome::kBytes) {
    return {.outcome = Outcome::kWrong,
            .words = fmt::format("FIONREAD said 0 while epoll said readable, and recv() got {}", got.bytes.size())};
  }
  return got;
}

Reader::Got Reader::by_splice(int socket, size_t size) {
  const Got moved = result(splice(socket, nullptr, pipe_->in.get(), nullptr, size, 0), nullptr);
  if (moved.outcome != Outcome::kBytes) {
    return moved;
  }
  const ssize_t read_back = read(pipe_->out.get(), room.data(), moved.bytes.size());
  if (read_back != static_cast<ssize_t>(moved.bytes.size())) {
    return {.outcome = Outcome::kWrong, .words = "a pipe gave less than was spliced into it"};
  }
  return {.outcome = Outcome::kBytes, .bytes = {room.data(), moved.bytes.size()}};
}

Reader::Got Reader::wait_for_all(int socket, size_t size) {
  Got got = result(recv(socket, room.data(), size, MSG_WAITALL), room.data());
  if (got.outcome == Outcome::kBytes && short_before_) {
    return {.outcome = Outcome::kWrong, .words = "MSG_WAITALL gave less than was asked for, and more came after it"};
  }
  short_before_ = got.outcome == Outcome::kBytes && got.bytes.size() < size;
  return got;
}

}  // namespace fairlead::torture
