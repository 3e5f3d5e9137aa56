// One event loop per thread: epoll (edge-triggered) and a timer wheel. Everything in io/ belongs to one loop and is
// used on its thread only; `Wakeup` is the only thing that another thread may touch.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/io/timer.h"

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace fairlead::io {

// Something with a descriptor in the loop.
class Source {
 public:
  virtual ~Source() = default;
  // `events`: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR. The source may destroy itself and others.
  virtual void on_events(uint32_t events) = 0;
};

class Loop {
 public:
  static Result<std::unique_ptr<Loop>> create();
  ~Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Turns until `stop`. Every turn: wait, events, timers, then the deferred calls of that turn.
  void run();
  void turn();
  void stop() { stopped_ = true; }

  Status add(int fd, uint32_t events, Source& source);
  void remove(int fd, Source& source);

  // The monotonic clock, read once a turn when the wait ends: latencies are measured with it at no further cost.
  [[nodiscard]] uint64_t now_ns() const { return now_ns_; }
  // Wall clock of the same instant, ns since the epoch (the offset is refreshed once a second).
  [[nodiscard]] int64_t unix_ns() const { return static_cast<int64_t>(now_ns_) + wall_offset_ns_; }
  void arm(Timer& timer, uint64_t deadline_ns) { timers_.arm(timer, deadline_ns); }

  // Something to run at the end of this turn, in order. Intrusive; a deferred that dies is forgotten.
  class Deferred {
   public:
    Deferred() = default;
    virtual ~Deferred();
    Deferred(const Deferred&) = delete;
    Deferred& operator=(const Deferred&) = delete;
    virtual void run() = 0;

   private:
    friend class Loop;
    Loop* queued_in_ = nullptr;
  };
  void defer(Deferred& deferred);

 private:
  Loop(Fd epoll, Fd alarm);
  void read_clocks();
  void set_alarm();

  static constexpr int kBatch = 128;

  // Ends the wait when a timer is due. A time limit for epoll_wait instead would be set and taken back by each call,
  // 0.6 to 1 us on a virtual machine; this one is set anew only for a timer that is earlier than all before it.
  struct Alarm final : Source {
    explicit Alarm(Fd fd) : fd(std::move(fd)) {}
    void on_events(uint32_t) override { at_ns = TimerWheel::kNever; }
    Fd fd;
    uint64_t at_ns = TimerWheel::kNever;
  };

  Fd epoll_;
  Alarm alarm_;
  TimerWheel timers_;
  uint64_t now_ns_ = 0;
  int64_t wall_offset_ns_ = 0;
  uint64_t wall_refresh_ns_ = 0;
  std::array<epoll_event, kBatch> batch_{};
  int batch_size_ = 0;
  int batch_next_ = 0;
  std::vector<Deferred*> deferred_, running_;
  bool stopped_ = false;
};

}  // namespace fairlead::io
