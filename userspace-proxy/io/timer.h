// A hashed timer wheel: arming and disarming cost a list insertion, whatever the number of timers.
// Resolution 20 ms: good for time limits, not for pacing. One per loop, that loop's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fairlead::io {

// Base of everything that waits for a point in time. Intrusive; disarms itself on destruction.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { disarm(); }

  void disarm();
  [[nodiscard]] bool armed() const { return next_ != nullptr; }

 protected:
  // Called by the wheel at or after the deadline; the timer is disarmed by then and may be armed again or destroyed.
  virtual void on_timer() = 0;

 private:
  friend class TimerWheel;
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  uint64_t deadline_ns_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(uint64_t now_ns);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // Arms (again) for a point of the monotonic clock.
  void arm(Timer& timer, uint64_t deadline_ns);
  // Fires what is due.
  void advance(uint64_t now_ns);
  // When `advance` has something to do next; kNever: nothing is armed. May be too early after a timer was disarmed,
  // once: looking for the next one costs 250 instructions, and time limits that are moved on with each request are
  // disarmed all the time.
  static constexpr uint64_t kNever = UINT64_MAX;
  [[nodiscard]] uint64_t next_ns();

 private:
  static constexpr uint64_t kTickNs = 20'000'000;
  static constexpr size_t kSlots = 1024;  // a horizon of 20 s; later deadlines come round again

  // Circular list with a head that is no timer of anyone's.
  struct Head final : Timer {
    void on_timer() override {}
  };

  std::array<Head, kSlots> slots_;
  std::array<uint64_t, kSlots / 64> used_{};  // slots that may hold timers; cleared lazily
  uint64_t tick_;
  uint64_t first_ = kNever;  // no timer is armed for an earlier tick

  [[nodiscard]] uint64_t find_first();
};

}  // namespace fairlead::io
