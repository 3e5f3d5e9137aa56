// Open connections that a new policy forbids (bench/run.h).
#include "agent/bench/policy_ends.h"

#include "agent/bench/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace fairlead::bench {
namespace {

using std::chrono::milliseconds;

struct Case {
  unsigned connections, forbidden;
};
constexpr std::array kCases = {Case{100, 100}, Case{10'000, 100}, Case{10'000, 10'000}};
constexpr milliseconds kLongest(20'000), kBetween(10), kRest(500);

// Sorted, ms since `policy`.
std::vector<double> times_of(const RunningLoad& held, Clock::time_point began, Clock::time_point policy) {
  std::vector<double> times;
  const double before_us = std::chrono::duration<double, std::micro>(policy - began).count();
  for (const TimedRequest& end : held.samples()) {
    times.push_back((end.due_us - before_us) / 1000);
  }
  std::ranges::sort(times);
  return times;
}

PolicyEnds figures_of(Path path, const Case& of, const std::vector<double>& times) {
  const auto at = [&](double q) {
    return times.empty()
               ? 0.0
               : times[std::min(times.size() - 1, static_cast<size_t>(q * static_cast<double>(times.size())))];
  };
  return {.path = path,
          .connections = of.connections,
          .forbidden = of.forbidden,
          .ended = times.size(),
          .p50_ms = at(0.5),
          .p99_ms = at(0.99),
          .max_ms = at(1)};
}

Status end_some(Run& run, Path path, const Case& of) {
  run.progress.line(fmt::format("{} open connections, of which a new policy forbids {}, {}", of.connections,
                                of.forbidden, name_of(path)));
  std::optional<RunningLoad> others;
  if (of.connections > of.forbidden) {
    auto opened = run.rig.hold_at_rest_port(of.connections - of.forbidden);
    if (!opened) {
      return std::unexpected(opened.error());
    }
    others = std::move(*opened);
  }
  const Clock::time_point began = Clock::now();
  const auto held = run.rig.hold(path, of.forbidden, began);
  if (!held) {
    return std::unexpected(held.error());
  }
  if (const Status rested = run.interrupt.sleep(kRest); !rested) {
    return rested;
  }
  if (const Status forbidden = run.rig.mesh().forbid_client(); !forbidden) {
    return forbidden;
  }
  const Clock::time_point policy = Clock::now();
  while (held->counts().samples < of.forbidden && Clock::now() - policy < kLongest) {
    if (const Status slept = run.interrupt.sleep(kBetween); !slept) {
      return slept;
    }
  }
  run.report.policy_ends.push_back(figures_of(path, of, times_of(*held, began, policy)));
  if (others && others->counts().samples != 0) {
    return fail("connections ended that no policy forbids");
  }
  return run.rig.mesh().allow_client();
}

}  // namespace

Status measure_policy_ends(Run& run) {
  constexpr Path kPath = Path::kNodeKernel;
  for (const Case& one : kCases) {
    Status done = run.rig.enter(kPath);
    done = done ? end_some(run, kPath, one) : done;
    if (!done) {
      if (const Status named = run.failed({kPath, {.connections = one.connections}}, done.error()); !named) {
        return named;
      }
    }
  }
  return {};
}

}  // namespace fairlead::bench
