// `fairlead bench`: measures what each way to mesh a pod adds to a request (docs/benchmarks.md). Main thread only, and
// there must be no other.
#pragma once

#include "agent/bench/paths.h"

#include <chrono>
#include <string>
#include <vector>

namespace fairlead::bench {

enum class Placement : uint8_t { kOneCore, kTwoCores };

struct Options {
  enum class Part : uint8_t { kRounds, kLadder, kEvents, kPolicy, kMemory, kPrometheus };
  std::vector<Part> parts{Part::kRounds};
  std::vector<Path> paths{std::begin(kAllPaths), std::end(kAllPaths)};  // direct is measured in any case
  std::vector<Load> loads;
  unsigned rounds = 15;
  std::chrono::milliseconds duration{1000};  // of one cell in one round
  Placement placement = Placement::kOneCore;
  std::string out = ".";  // folder for report.json, report.md and page.html; made if it is absent
  std::vector<std::string> command_line;
};

// The exit code: 0; 1 if the run, or a cell of it, failed, with one line on stderr for each reason.
int run(Options options);

}  // namespace fairlead::bench
