#include "agent/bench/ladder.h"

#include "agent/bench/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace fairlead::bench {
namespace {

constexpr unsigned kFirst = 500, kConnections = 64;
constexpr unsigned kMostRate = 2'000'000;

}  // namespace

bool Step::is_carried() const {
  constexpr double kEnough = 0.95;
  return unanswered == 0 && achieved_per_s >= kEnough * offered_per_s;
}

unsigned saturation(const std::vector<Step>& steps) {
  unsigned most = 0;
  for (const Step& step : steps) {
    most = step.is_carried() ? std::max(most, step.offered_per_s) : most;
  }
  return most;
}

Result<std::vector<Step>> climb(unsigned first, const std::function<Result<Step>(unsigned rate)>& offer) {
  std::vector<Step> steps;
  const auto try_rate = [&](unsigned rate) -> Result<bool> {
    auto step = offer(rate);
    if (!step) {
      return std::unexpected(step.error());
    }
    steps.push_back(std::move(*step));
    return steps.back().is_carried();
  };
  unsigned low = 0, high = first;
  for (; high <= kMostRate; high += high / 2) {
    const auto carried = try_rate(high);
    if (!carried) {
      return std::unexpected(carried.error());
    }
    if (!*carried) {
      break;
    }
    low = high;
  }
  for (int halving = 0; halving < 2 && low != 0; ++halving) {
    const unsigned middle = low + (high - low) / 2;
    const auto carried = try_rate(middle);
    if (!carried) {
      return std::unexpected(carried.error());
    }
    (*carried ? low : high) = middle;
  }
  return steps;
}

Status climb_ladders(Run& run) {
  for (const Path path : run.options.paths) {
    const Cell cell{path, {.connections = kConnections}};
    run.progress.line(fmt::format("rates that {} carries", name_of(path)));
    const Status entered = run.rig.enter(path), settled = entered ? run.rig.settle(path) : entered;
    auto steps = settled ? climb(kFirst,
                                 [&](unsigned rate) {
                                   Cell offered = cell;
                                   offered.load.rate = rate;
                                   return run.rig.offer(offered, run.options.duration);
                                 })
                         : std::unexpected(settled.error());
    if (!steps) {
      // The name of what failed, not of a rate.
      if (const Status noted = run.failed(cell, steps.error()); !noted) {
        return noted;
      }
      continue;
    }
    std::ranges::sort(*steps, {}, &Step::offered_per_s);
    run.report.ladders.push_back({path, kConnections, std::move(*steps)});
  }
  return {};
}

}  // namespace fairlead::bench
