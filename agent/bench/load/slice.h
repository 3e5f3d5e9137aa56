// One slice of load, and what came of it. Main thread only.
#pragma once

#include "agent/bench/load/histogram.h"
#include "agent/bench/load/running.h"
#include "agent/bench/process.h"
#include "userspace-proxy/base/error.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace fairlead::bench {

struct Slice {
  Place place;
  std::chrono::milliseconds duration;
  // Called in the middle of it. May be empty. What it does costs the CPU that is measured.
  std::function<void()> in_the_middle;
};

struct Sample {
  uint64_t requests = 0;  // answered as expected; 0: the slice was too short on this machine
  double elapsed_us = 0;  // to the last answer; of wrk: the time that it ran
  // The slice's time, divided by them. Of an open loop, where that is the schedule's, the median latency.
  double us_per_request = 0;
  Usage client{};  // the client's process
  std::shared_ptr<const Histogram> latency;
  // Open loop.
  uint64_t due = 0;                           // requests of the schedule
  std::shared_ptr<const Histogram> lateness;  // of the generator itself
};

// Waits for the slice's load.
Result<Sample> finish(RunningLoad& load, const Slice& slice, const Interrupt& interrupt);

}  // namespace fairlead::bench
