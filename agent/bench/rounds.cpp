// The cells of a run: warmed up, then measured in rounds (bench/run.h).
#include "agent/bench/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace fairlead::bench {
namespace {

// The cells of a round that have not failed.
std::vector<Cell> order_without_failed(const Run& run, uint64_t seed) {
  std::vector<Cell> cells = order_of_round(run.options.paths, run.options.loads, seed);
  std::erase_if(cells, [&](const Cell& cell) {
    return std::ranges::find(run.report.not_measured, cell, &NotMeasured::cell) != run.report.not_measured.end();
  });
  return cells;
}

// Enters the path of each cell in turn where it changes, and calls `measure`.
template <class Measure>
Status for_each(Run& run, const std::vector<Cell>& cells, Measure measure) {
  std::optional<Path> entered;
  std::optional<Error> not_entered;
  for (const Cell& cell : cells) {
    if (entered != cell.path) {
      const Status modes = run.rig.enter(cell.path), in = modes ? run.rig.settle(cell.path) : modes;
      not_entered = in ? std::nullopt : std::optional(in.error());
      entered = cell.path;
    }
    const Status done = not_entered ? std::unexpected(*not_entered) : measure(cell);
    if (!done) {
      if (const Status noted = run.failed(cell, done.error()); !noted) {
        return noted;
      }
    }
  }
  return {};
}

void add(Run& run, const std::vector<std::pair<Cell, Measurement>>& round) {
  std::vector<Row>& rows = run.report.rows;
  for (const auto& [cell, measured] : round) {
    const Cell reference{Path::kDirect, cell.load};
    const auto direct = std::ranges::find_if(round, [&](const auto& other) { return other.first == reference; });
    auto row = std::ranges::find_if(rows, [&](const Row& other) { return other.cell == cell; });
    if (row == rows.end()) {
      row = rows.insert(row, Row{cell, {}, std::make_shared<Histogram>(), run.rig.syscalls(cell)});
    }
    row->latency->add(*measured.sample.latency);
    row->rounds.push_back({.us_per_request = measured.sample.us_per_request,
                           .direct_us = direct->second.sample.us_per_request,
                           .requests = measured.sample.requests,
                           .p50_us = static_cast<double>(measured.sample.latency->at(0.5)) / 1000,
                           .p99_us = static_cast<double>(measured.sample.latency->at(0.99)) / 1000,
                           .used = measured.used,
                           .softirq_us = measured.softirq_us});
  }
}

}  // namespace

Status Run::failed(const Cell& cell, const Error& error) {
  // A signal is no property of a cell.
  if (const Status uninterrupted = interrupt.sleep({}); !uninterrupted) {
    return uninterrupted;
  }
  if (cell.path == Path::kDirect) {
    return fail(error, fmt::format("{} {}", name_of(cell.path), name_of(cell.load)));
  }
  report.not_measured.push_back({cell, error.message(), /*is_missing=*/false});
  std::erase_if(report.rows, [&](const Row& row) { return row.cell == cell; });
  return {};
}

Status note_idle_memory(Run& run) {
  constexpr std::chrono::milliseconds kRest(500);
  run.progress.line("idle memory");
  for (const Path path : {Path::kSidecarPair, Path::kNodeHttp, Path::kNodeKernel}) {
    if (std::ranges::find(run.options.paths, path) == run.options.paths.end()) {
      continue;
    }
    if (const Status entered = run.rig.enter(path); !entered) {
      return run.failed({path, run.options.loads.front()}, entered.error());
    }
    if (const Status rested = run.interrupt.sleep(kRest); !rested) {
      return rested;
    }
    for (const auto& [name, memory] : run.rig.memory()) {
      run.report.idle.emplace(name, memory);
    }
  }
  return {};
}

Status probe_cells(Run& run, uint64_t seed) {
  run.progress.line("warming up, and looking which way each path goes");
  const auto cells = order_without_failed(run, seed);
  run.progress.expect(cells.size() * (run.options.rounds + 1));
  const Status probed = for_each(run, cells, [&](const Cell& cell) -> Status {
    run.progress.step(fmt::format("probe {} {}", name_of(cell.path), name_of(cell.load)));
    return run.rig.probe(cell, run.options.duration);
  });
  run.report.under_load = run.rig.memory_under_load();
  return probed;
}

Status measure_rounds(Run& run, uint64_t seed) {
  for (unsigned number = 1; number <= run.options.rounds; ++number) {
    run.progress.line(fmt::format("round {} of {}", number, run.options.rounds));
    std::vector<std::pair<Cell, Measurement>> round;
    const Status done = for_each(run, order_without_failed(run, seed + number), [&](const Cell& cell) -> Status {
      run.progress.step(fmt::format("{} {}", name_of(cell.path), name_of(cell.load)));
      auto measured = run.rig.measure(cell, run.options.duration);
      if (!measured) {
        return std::unexpected(measured.error());
      }
      round.emplace_back(cell, std::move(*measured));
      return {};
    });
    if (!done) {
      return done;
    }
    add(run, round);
  }
  return {};
}

}  // namespace fairlead::bench
