// Rising rates of an open loop on one path: what it carries, and how late its answers are on the way there. Main thread
// only.
#pragma once

#include "agent/bench/load/histogram.h"
#include "agent/bench/paths.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace fairlead::bench {

struct Step {
  unsigned offered_per_s = 0;
  double achieved_per_s = 0;
  uint64_t unanswered = 0;  // of those that were due
  std::shared_ptr<const Histogram> latency;

  // The path kept up: every request was answered, and without a queue that had to be worked off after the schedule.
  [[nodiscard]] bool is_carried() const;
};

// From `first` on each rate half as much again as the one before, until one is not carried; then two rates between the
// last two, each in the middle. In the order they were tried; pure but for `offer`. An error of `offer` ends it.
Result<std::vector<Step>> climb(unsigned first, const std::function<Result<Step>(unsigned rate)>& offer);
// The greatest rate that was carried; 0: none.
unsigned saturation(const std::vector<Step>& steps);

// What is reported of a path.
struct Ladder {
  Path path;
  unsigned connections;
  std::vector<Step> steps;  // by rate
};

}  // namespace fairlead::bench
