// What a change under load costs those who ask meanwhile: bins of time for a chart, requests lost, the longest gap.
// Pure; any thread.
#pragma once

#include "agent/bench/load/running.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fairlead::bench {

// Something that was done, or ended, at a time since the load's start.
struct Mark {
  double t_ms = 0;
  std::string what;
};

// Requests that were due in a stretch of time.
struct Bin {
  double t_ms = 0;  // its begin
  uint64_t count = 0, failed = 0;
  double p50_us = 0, max_us = 0;  // of those that were answered
};

struct Event {
  std::string scenario;
  unsigned rate_per_s = 0;
  std::vector<Mark> marks;
  uint64_t lost = 0;          // requests without a good answer
  double longest_gap_ms = 0;  // between two answers that followed each other
  std::vector<Bin> bins;
};

// Fills in what the requests tell.
void account(Event& event, std::span<const TimedRequest> requests, double bin_ms);

}  // namespace fairlead::bench
