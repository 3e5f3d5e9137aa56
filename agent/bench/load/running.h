// A load under way: a child process in the client's pod, and what it counts in memory that both see. Main thread only;
// the process must have no other (the child is made by fork).
#pragma once

#include "agent/bench/load/histogram.h"
#include "agent/bench/process.h"
#include "userspace-proxy/base/error.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace fairlead::bench {

// One request of a load that keeps them.
struct TimedRequest {
  static constexpr uint32_t kFailed = UINT32_MAX;
  uint32_t due_us = 0;      // since the start
  uint32_t latency_us = 0;  // from due to the last byte of the answer, or kFailed
};

struct LoadCounts {
  Histogram latency;   // of answered requests
  Histogram lateness;  // open loop: how late the generator itself was, where a connection was free
  uint64_t due = 0;    // requests of the schedule; closed loop: sent
  uint64_t answered = 0;
  uint64_t failed = 0;      // no connection, a connection that ended, an answer other than 2xx or 3xx
  uint64_t elapsed_ns = 0;  // from the start to the last answer
  uint64_t samples = 0;     // requests kept
  char error[160] = {};     // the first failure

  void note(std::string_view failure);
};

class RunningLoad {
 public:
  // What the child does: its return value is the exit code.
  using Body = std::function<int(LoadCounts&, std::span<TimedRequest>)>;
  // `longest`: after that it is taken for stuck. `samples`: how many requests can be kept.
  static Result<RunningLoad> start(const Body& body, const Place& place, std::chrono::milliseconds longest,
                                   size_t samples = 0);

  // Until it is over. An error: it failed, or we were interrupted; what was counted until then is there in any case.
  Result<Ended> wait(const Interrupt& interrupt);

  [[nodiscard]] const LoadCounts& counts() const { return *counts_; }
  [[nodiscard]] std::span<const TimedRequest> samples() const;
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] bool is_running() const { return process_.is_running(); }

 private:
  struct Unmap {
    size_t bytes;
    void operator()(LoadCounts* counts) const;
  };
  using Shared = std::unique_ptr<LoadCounts, Unmap>;

  RunningLoad(Shared counts, Clock::time_point until) : counts_(std::move(counts)), until_(until) {}

  Shared counts_;  // the kept requests lie behind it
  Clock::time_point until_;
  Process process_;
};

}  // namespace fairlead::bench
