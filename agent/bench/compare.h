// What got faster or slower between two reports, and by how much more than noise (docs/benchmarks.md, "Comparing two
// runs"). Pure; any thread.
//
// Judged are ratios to `direct` alone: times drift with the machine, ratios are taken within a round.
#pragma once

#include "agent/bench/load_report.h"
#include "agent/bench/statistics.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::bench {

enum class Verdict : uint8_t { kSlower, kFaster, kNoDifference, kTooFewRounds };

// With fewer rounds a side the interval is not a 95 % one: of two equal samples of lognormal noise it called 35 in 100
// different with two rounds, 10 with three, 8 with four, 3 with five, and 2 to 4 with more.
inline constexpr size_t kLeastRounds = 5;

// Changes are shares of the old value: 0.2 is 20 % more time.
struct RatioChange {
  RecordedCell cell;
  double old_ratio = 0, new_ratio = 0, change = 0;
  Interval interval;  // of the change, 95 %
  Verdict verdict = Verdict::kNoDifference;

  // The smallest change that is told from noise here in either direction: the longer arm of the interval, which is half
  // of its width where it is symmetrical. With half the width a lopsided interval would deny changes larger than that.
  [[nodiscard]] double smallest_seen() const { return std::max(change - interval.low, interval.high - change); }
};

// For information.
struct Times {
  RecordedCell cell;
  double old_us = 0, new_us = 0;  // per request
  std::optional<double> old_p50_us, new_p50_us, old_p99_us, new_p99_us;
};

struct MemoryChange {
  std::string process;
  std::optional<uint64_t> old_kib, new_kib;  // PSS under load
  bool is_called_out = false;                // more than 5 % and more than 128 KiB, up or down
};

struct Circumstance {
  std::string name, old_value, new_value;
};

struct Comparison {
  std::string old_date, new_date;
  std::vector<Circumstance> differences;
  std::vector<RatioChange> changes;             // slower ones, faster ones (largest first), the rest
  std::vector<Times> times;                     // of all rows that both have, in the new report's order
  std::vector<MemoryChange> memory;             // by name
  std::vector<RecordedGap> failed;              // in the new report; measured in the old one
  std::vector<RecordedGap> also_failed;         // in the new report; not measured in the old one either
  std::vector<std::string> only_old, only_new;  // names of rows, and why the other has none where it says

  [[nodiscard]] size_t count(Verdict verdict) const;
  [[nodiscard]] bool is_worse() const { return count(Verdict::kSlower) != 0 || !failed.empty(); }
  // Whether there was a row at all that could have been found slower.
  [[nodiscard]] bool has_judged() const { return count(Verdict::kTooFewRounds) != changes.size(); }
};

Comparison compare(const RecordedReport& old_report, const RecordedReport& new_report);

// Markdown; readable on a terminal as it stands. The last line is the summary.
std::string to_markdown(const Comparison& comparison);

}  // namespace fairlead::bench
