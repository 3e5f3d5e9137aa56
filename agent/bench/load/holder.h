// Open connections that rest, each after one request and its answer: what memory is measured with, and how soon a
// policy ends them. Main thread only.
#pragma once

#include "agent/bench/load/running.h"
#include "agent/bench/load/target.h"
#include "userspace-proxy/base/error.h"

#include <string>

namespace fairlead::bench {

struct HoldPlan {
  Endpoint target;
  std::string request;
  unsigned connections = 0;
  Clock::time_point began = Clock::now();  // what the ends are counted from
};

// Returns when all of them have had their answer; they are open for as long as the result lives. Where one ends all the
// same, a sample has the time since `plan.began`.
Result<RunningLoad> hold_connections(const HoldPlan& plan, const Place& place, const Interrupt& interrupt);

}  // namespace fairlead::bench
