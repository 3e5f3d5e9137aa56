#include "agent/bench/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace fairlead::bench {
namespace {

const RecordedRow* row_with(const RecordedReport& report, const RecordedCell& cell) {
  const auto found = std::ranges::find(report.rows, cell, &RecordedRow::cell);
  return found == report.rows.end() ? nullptr : &*found;
}

const RecordedGap* gap_of(const RecordedReport& report, const RecordedCell& cell) {
  const auto found = std::ranges::find(report.not_measured, cell, &RecordedGap::cell);
  return found == report.not_measured.end() ? nullptr : &*found;
}

Verdict verdict_of(const Interval& interval) {
  return interval.low > 0 ? Verdict::kSlower : interval.high < 0 ? Verdict::kFaster : Verdict::kNoDifference;
}

RatioChange change_of(const RecordedRow& old_row, const RecordedRow& new_row) {
  RatioChange change{.cell = new_row.cell,
                     .old_ratio = median(old_row.ratios),
                     .new_ratio = median(new_row.ratios),
                     .interval = interval_of_quotient(new_row.ratios, old_row.ratios)};
  change.change = change.new_ratio / change.old_ratio - 1;
  change.interval = {change.interval.low - 1, change.interval.high - 1};
  const bool is_enough = std::min(old_row.ratios.size(), new_row.ratios.size()) >= kLeastRounds;
  change.verdict = is_enough ? verdict_of(change.interval) : Verdict::kTooFewRounds;
  return change;
}

std::vector<Circumstance> differences(const RecordedReport& old_report, const RecordedReport& new_report) {
  std::vector<Circumstance> all;
  for (const auto& [name, value] : new_report.circumstances) {
    const auto old_value = old_report.circumstances.find(name);
    if (old_value != old_report.circumstances.end() && old_value->second != value) {
      all.push_back({name, old_value->second, value});
    }
  }
  return all;
}

bool is_called_out(uint64_t old_kib, uint64_t new_kib) {
  constexpr double kShare = 0.05, kKib = 128;
  const double grown = std::abs(static_cast<double>(new_kib) - static_cast<double>(old_kib));
  return grown > kKib && grown > kShare * static_cast<double>(old_kib);
}

std::vector<MemoryChange> memory_changes(const RecordedReport& old_report, const RecordedReport& new_report) {
  std::set<std::string> processes;
  const auto kib = [](const RecordedReport& report, const std::string& process) {
    const auto found = report.pss_kib.find(process);
    return found == report.pss_kib.end() ? std::nullopt : std::optional(found->second);
  };
  for (const RecordedReport* report : {&old_report, &new_report}) {
    for (const auto& [process, pss] : report->pss_kib) {
      processes.insert(process);
    }
  }
  std::vector<MemoryChange> all;
  for (const std::string& process : processes) {
    const auto old_kib = kib(old_report, process), new_kib = kib(new_report, process);
    all.push_back({process, old_kib, new_kib, old_kib && new_kib && is_called_out(*old_kib, *new_kib)});
  }
  return all;
}

// Rows of the one that the other has no figures of, and why not if it says.
std::vector<std::string> rows_of_one(const RecordedReport& one, const RecordedReport& other) {
  std::vector<std::string> names;
  for (const RecordedRow& row : one.rows) {
    if (row_with(other, row.cell) != nullptr) {
      continue;
    }
    const RecordedGap* gap = gap_of(other, row.cell);
    names.push_back(fmt::format("{}{}", name_of(row.cell), gap == nullptr ? "" : fmt::format(" ({})", gap->reason)));
  }
  return names;
}

}  // namespace

size_t Comparison::count(Verdict verdict) const {
  return static_cast<size_t>(std::ranges::count(changes, verdict, &RatioChange::verdict));
}

Comparison compare(const RecordedReport& old_report, const RecordedReport& new_report) {
  Comparison comparison{.old_date = old_report.date,
                        .new_date = new_report.date,
                        .differences = differences(old_report, new_report),
                        .changes = {},
                        .times = {},
                        .memory = memory_changes(old_report, new_report),
                        .failed = {},
                        .also_failed = {},
                        .only_old = rows_of_one(old_report, new_report),
                        .only_new = rows_of_one(new_report, old_report)};
  for (const RecordedRow& row : new_report.rows) {
    const RecordedRow* old_row = row_with(old_report, row.cell);
    if (old_row == nullptr) {
      continue;
    }
    comparison.times.push_back(
        {row.cell, median(old_row->us), median(row.us), old_row->p50_us, row.p50_us, old_row->p99_us, row.p99_us});
    if (row.cell.path != "direct") {
      comparison.changes.push_back(change_of(*old_row, row));
    }
  }
  for (const RecordedGap& gap : new_report.not_measured) {
    if (gap.has_failed) {
      (row_with(old_report, gap.cell) != nullptr ? comparison.failed : comparison.also_failed).push_back(gap);
    }
  }
  // Where nothing was seen the size of the change means nothing: these stay in the report's order.
  std::ranges::stable_sort(comparison.changes, {}, [](const RatioChange& one) {
    const bool is_seen = one.verdict == Verdict::kSlower || one.verdict == Verdict::kFaster;
    return std::pair(one.verdict, is_seen ? -std::abs(one.change) : 0.0);
  });
  return comparison;
}

}  // namespace fairlead::bench
