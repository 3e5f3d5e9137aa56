// Which way the traffic of a slice really went, by what the product itself counted and recorded. A figure whose path is
// not shown is not reported. Pure; any thread.
#pragma once

#include "agent/bench/mesh.h"
#include "agent/bench/paths.h"
#include "userspace-proxy/base/error.h"

#include <set>
#include <string>

namespace fairlead::bench {

// Counters of a slice: after minus before.
Counters operator-(const Counters& after, const Counters& before);

// Whether these counters are those of `requests` requests by the cell's path, and of nothing else. A request that was
// under way when the client went away may be counted besides.
Status check_counters(const Cell& cell, const Counters& during, uint64_t requests);

// Whether exactly those halves of the data plane wrote records that the path leads through.
Status check_records(const Cell& cell, const std::set<std::string>& record_paths);

}  // namespace fairlead::bench
