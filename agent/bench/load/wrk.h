// wrk as a load: closed loop, one thread. Main thread only.
#pragma once

#include "agent/bench/load/slice.h"

#include <string>
#include <string_view>

namespace fairlead::bench {

// `script` is a file with kWrkScript. A request that failed, or was not answered by 2xx or 3xx, is an error that counts
// them: no figure is made of such a slice. wrk looks ten times a second whether it is to end.
struct WrkLoad {
  std::string script, url;
  unsigned connections = 1;
};
Result<Sample> run_wrk(const WrkLoad& load, const Slice& slice, const Interrupt& interrupt);

// Makes wrk tell its figures as JSON on its last line.
extern const char* const kWrkScript;

// Out of what wrk wrote. The distribution is wrk's, with the requests that it adds for those which a stall kept from
// being sent (its src/stats.c, stats_correct). Pure.
Result<Sample> parse_wrk(std::string_view output);

}  // namespace fairlead::bench
