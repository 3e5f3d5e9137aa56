// What the parts of a run share. Each part is a function that measures something and puts it into the report; an error
// ends the run (the report is written all the same, as a partial one). Main thread only.
#pragma once

#include "agent/bench/bench.h"
#include "agent/bench/process.h"
#include "agent/bench/progress.h"
#include "agent/bench/report.h"
#include "agent/bench/rig.h"
#include "userspace-proxy/base/error.h"

namespace fairlead::bench {

struct Run {
  const Options& options;
  const Interrupt& interrupt;
  Rig& rig;
  Report& report;
  Progress progress{};

  // Notes a cell that has no figure, and takes what it had away. An error if it was no fault of the cell: we were
  // interrupted, or it is direct, without which there is no ratio.
  Status failed(const Cell& cell, const Error& error);
};

// Memory before anything has run, of whatever processes the wanted paths need.
Status note_idle_memory(Run& run);
// Every cell once, not counted: warms up, and shows that each path is the path.
Status probe_cells(Run& run, uint64_t seed);
// Every cell once per round, in random order.
Status measure_rounds(Run& run, uint64_t seed);
// Rising rates of an open loop, up to what a path can carry.
Status climb_ladders(Run& run);
// A pod is switched, and proxy and agent are killed, under load.
Status watch_events(Run& run);
// Open connections are forbidden by a new policy.
Status measure_policy_ends(Run& run);
// How memory grows with connections and with pods.
Status measure_memory(Run& run);
// A Prometheus scrapes the mesh during a load: an error if what it has read is not what was sent.
Status compare_with_prometheus(Run& run);

}  // namespace fairlead::bench
