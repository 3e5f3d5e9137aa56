// Who waits for the configuration to be in force (`fairlead wait`), and until when. Pure bookkeeping: no clock, no
// loop.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::agent {

class WaitBook {
 public:
  using Clock = std::chrono::steady_clock;
  // Called once: with nothing when all is in force, else with what was missing when the time was up.
  using Done = std::function<void(const std::vector<std::string>& missing)>;

  void add(Clock::time_point deadline, Done done) { waiters_.push_back({deadline, std::move(done)}); }

  // Answers everybody if nothing is missing, else those whose time is up. A callback may add a waiter: it is looked at
  // next time.
  void settle(Clock::time_point now, const std::vector<std::string>& missing);

  [[nodiscard]] bool empty() const { return waiters_.empty(); }
  [[nodiscard]] std::optional<Clock::time_point> next_deadline() const;

 private:
  struct Waiter {
    Clock::time_point deadline;
    Done done;
  };
  std::vector<Waiter> waiters_;
};

}  // namespace fairlead::agent
