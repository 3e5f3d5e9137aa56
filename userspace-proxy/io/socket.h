// A non-blocking stream socket in a loop. Readiness is latched (edge-triggered): a call that would block clears the
// latch, an event sets it and wakes whoever waits. Owns the descriptor. Loop's thread only.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/io/loop.h"

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <span>

namespace fairlead::io {

enum class Wake : uint8_t { kReady, kTimeout, kCancelled };
enum class Interest : uint8_t { kNone = 0, kRead = 1, kWrite = 2, kBoth = 3, kFailure = 4 };

// `neither` is for a socket that is to be neither read nor written.
constexpr Interest interest_in(bool read, bool write, Interest neither) {
  return read || write ? static_cast<Interest>((read ? 1 : 0) | (write ? 2 : 0)) : neither;
}

// Somebody who waits for a socket, in one direction or both. At most one per socket: a connection is one task.
class Waiter {
 public:
  virtual void wake(Wake wake) = 0;

 protected:
  ~Waiter() = default;
};

// What a read or write came to.
struct Transfer {
  enum class Outcome : uint8_t { kBytes, kWouldBlock, kEnd, kError };
  Outcome outcome = Outcome::kWouldBlock;
  size_t bytes = 0;
  int error = 0;  // errno where kError
};

class Socket final : public Source {
 public:
  Socket(Loop& loop, Fd fd);
  ~Socket() override;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] Loop& loop() const { return loop_; }

  // Puts it into the loop. Later calls do nothing.
  Status start();

  // Clears both latches: for a socket that is still connecting, nothing is ready before an event.
  void expect_events() { readable_ = writable_ = false; }

  // kEnd: the peer has sent its end. A short read counts as "drained": the next arrival is a new edge. Not after a full
  // one, nor where it brought as much as kMayHideMore: bytes that were redirected are read first, and those that went
  // over TCP may lie behind them without an edge of their own (bpf/progs/redirect.bpf.c: never behind fewer bytes).
  static constexpr size_t kMayHideMore = 2048;
  Transfer read(std::span<char> into);
  Transfer write(std::span<const char> bytes);
  Transfer write(std::span<const iovec> pieces);

  // kFailure: only that the connection has failed, whatever there is to read or write. kNone: never.
  [[nodiscard]] bool ready(Interest interest) const {
    const auto bits = static_cast<uint8_t>(interest);
    return (failed_ && bits != 0) || (readable_ && (bits & 1) != 0) || (writable_ && (bits & 2) != 0);
  }
  // The peer has closed both ways or reset, as far as events have told.
  [[nodiscard]] bool failed() const { return failed_; }
  // The connection's pending error (SO_ERROR), 0 if none.
  [[nodiscard]] int take_error() const;

  // REQUIRES: nobody waits (or `waiter` is null: nobody waits any more).
  void set_waiter(Waiter* waiter, Interest interest) {
    waiter_ = waiter;
    interest_ = interest;
  }
  // Wakes whoever waits with kCancelled. May destroy this socket.
  void cancel();
  // No more of ours (FIN), reading goes on.
  void shut_down_writing();
  // Closes with a reset: unread and unsent bytes are gone, the peer sees ECONNRESET.
  void reset_on_close();

  void on_events(uint32_t events) override;

 private:
  Transfer finish(ssize_t n, size_t wanted, bool reading);
  void wake(Wake why);

  // The kernel has no memory for what is written, and never says when it has again (ENOMEM of a redirected send).
  struct Retry final : Timer {
    explicit Retry(Socket& owner) : socket(owner) {}
    void on_timer() override { socket.on_events(EPOLLOUT); }
    Socket& socket;
  };
  static constexpr uint64_t kRetryNs = 10'000'000;

  Loop& loop_;
  Fd fd_;
  Waiter* waiter_ = nullptr;
  Interest interest_ = Interest::kNone;
  Retry retry_{*this};
  bool started_ = false;
  bool readable_ = true;  // until a call says otherwise
  bool writable_ = true;
  bool read_full_ = false;  // the last read got all that it asked for
  bool end_seen_ = false;   // RDHUP: reading never blocks again
  bool failed_ = false;     // HUP or ERR
};

}  // namespace fairlead::io
