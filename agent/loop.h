// The agent's event loop: epoll, timers and signals on one thread. The agent does little and seldom, so callbacks are
// std::function and the loop is level-triggered; the data plane has a loop of its own (userspace-proxy/io).
//
// Ownership: a Watch or Timer is the registration; destroying it ends it, also from inside any callback. Both must not
// outlive the loop. Thread: the one that runs it. Errors of epoll_ctl on a valid fd are programming errors and abort.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

namespace fairlead::agent {

class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using OnEvents = std::function<void(uint32_t epoll_events)>;
  using OnTime = std::function<void()>;

  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), fd_(other.fd_), id_(other.id_) {}
    Watch& operator=(Watch&& other) noexcept;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { reset(); }
    void reset();
    // Replaces the set of events waited for (EPOLLIN, EPOLLOUT, ...).
    void set_events(uint32_t epoll_events);
    [[nodiscard]] bool active() const { return loop_ != nullptr; }

   private:
    friend class Loop;
    Watch(Loop* loop, int fd, uint64_t id) : loop_(loop), fd_(fd), id_(id) {}
    Loop* loop_ = nullptr;
    int fd_ = -1;
    uint64_t id_ = 0;
  };

  // Fires once. An expired Timer is inactive.
  class Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), id_(other.id_) {}
    Timer& operator=(Timer&& other) noexcept;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { reset(); }
    void reset();
    [[nodiscard]] bool active() const;

   private:
    friend class Loop;
    Timer(Loop* loop, uint64_t id) : loop_(loop), id_(id) {}
    Loop* loop_ = nullptr;
    uint64_t id_ = 0;
  };

  static Result<std::unique_ptr<Loop>> create();
  ~Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The fd stays the caller's and must outlive the Watch.
  [[nodiscard]] Watch watch(int fd, uint32_t epoll_events, OnEvents callback);
  [[nodiscard]] Timer after(Clock::duration delay, OnTime callback);

  // Until stop(). Not reentrant.
  void run();
  // One round: waits for at most `limit`, then calls what is due. For run() and tests.
  void run_once(Clock::duration limit);
  void stop() { stopped_ = true; }

 private:
  explicit Loop(Fd epoll) : epoll_(std::move(epoll)) {}
  [[nodiscard]] int milliseconds_until_due(Clock::duration limit) const;
  void fire_due_timers();

  Fd epoll_;
  bool stopped_ = false;
  uint64_t next_id_ = 1;
  // By id, not by fd: an fd that is closed and reused within one round must not get its predecessor's event.
  // shared_ptr, so that a callback that destroys its own Watch stays alive until it returns.
  std::unordered_map<uint64_t, std::shared_ptr<OnEvents>> watches_;
  std::map<std::pair<Clock::time_point, uint64_t>, OnTime> timers_;
  std::unordered_map<uint64_t, Clock::time_point> due_;  // timer id -> its key in timers_
};

// A signalfd for `signals`, which are blocked in this thread from now on (children must unblock them).
Result<Fd> signal_fd(std::initializer_list<int> signals);

}  // namespace fairlead::agent
