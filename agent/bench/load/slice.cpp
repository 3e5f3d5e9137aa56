#include "agent/bench/load/slice.h"

namespace fairlead::bench {

Result<Sample> finish(RunningLoad& load, const Slice& slice, const Interrupt& interrupt) {
  if (slice.in_the_middle) {
    if (const Status slept = interrupt.sleep(slice.duration / 2); !slept) {
      return std::unexpected(slept.error());
    }
    slice.in_the_middle();
  }
  const auto ended = load.wait(interrupt);
  if (!ended) {
    return std::unexpected(ended.error());
  }
  const LoadCounts& counts = load.counts();
  Sample sample{.requests = counts.answered,
                .client = ended->usage,
                .latency = std::make_shared<Histogram>(counts.latency),
                .due = counts.due,
                .lateness = std::make_shared<Histogram>(counts.lateness)};
  sample.elapsed_us = static_cast<double>(counts.elapsed_ns) / 1000;
  if (counts.answered != 0) {
    sample.us_per_request = sample.elapsed_us / static_cast<double>(counts.answered);
  }
  return sample;
}

}  // namespace fairlead::bench
