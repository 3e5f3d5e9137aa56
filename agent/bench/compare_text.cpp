// A comparison for people.
#include "agent/bench/compare.h"
#include "agent/bench/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace fairlead::bench {
namespace {

using Lines = std::vector<std::vector<std::string>>;

// "+12.3"; never "-0.0".
std::string percent(double share) {
  constexpr double kPermille = 1000, kTenth = 10;
  return fmt::format("{:+.1f}", std::round(share * kPermille) / kTenth + 0.0);
}

std::string_view word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSlower:
      return "slower";
    case Verdict::kFaster:
      return "faster";
    case Verdict::kNoDifference:
      return "no difference seen";
    case Verdict::kTooFewRounds:
      return "too few rounds";
  }
  return "";
}

// The placement is in a row's name only where it tells rows apart.
class RowNames {
 public:
  explicit RowNames(const Comparison& comparison)
      : has_placement_(std::ranges::any_of(comparison.times, [&](const Times& times) {
          return times.cell.placement != comparison.times.front().cell.placement;
        })) {}
  [[nodiscard]] std::string load(const RecordedCell& cell) const {
    return has_placement_ ? fmt::format("{}, {}", cell.load, cell.placement) : cell.load;
  }

 private:
  bool has_placement_;
};

std::string ratio_table(const Comparison& comparison, const RowNames& names) {
  Lines lines = {{"load", "path", "old ratio", "new ratio", "change", "95 % interval", "verdict", "seen from"}};
  for (const RatioChange& one : comparison.changes) {
    lines.push_back({names.load(one.cell), one.cell.path, fmt::format("{:.2f}", one.old_ratio),
                     fmt::format("{:.2f}", one.new_ratio), percent(one.change) + " %",
                     fmt::format("{} to {} %", percent(one.interval.low), percent(one.interval.high)),
                     std::string(word_of(one.verdict)),
                     one.verdict == Verdict::kNoDifference ? fmt::format("{:.1f} %", one.smallest_seen() * 100) : "-"});
  }
  return table(lines);
}

std::string times_table(const Comparison& comparison, const RowNames& names) {
  const auto us = [](const std::optional<double>& value) { return value ? fmt::format("{:.1f}", *value) : "-"; };
  Lines lines = {{"load", "path", "us/request old", "new", "change", "p50 us old", "new", "p99 us old", "new"}};
  for (const Times& one : comparison.times) {
    lines.push_back({names.load(one.cell), one.cell.path, us(one.old_us), us(one.new_us),
                     percent(one.new_us / one.old_us - 1) + " %", us(one.old_p50_us), us(one.new_p50_us),
                     us(one.old_p99_us), us(one.new_p99_us)});
  }
  return table(lines);
}

std::string memory_table(const Comparison& comparison) {
  const auto mib = [](const std::optional<uint64_t>& kib) {
    return kib ? fmt::format("{:.1f} MiB", static_cast<double>(*kib) / 1024) : "-";
  };
  Lines lines = {{"PSS under load", "", "old", "new", "change"}};
  for (const MemoryChange& one : comparison.memory) {
    const bool is_in_both = one.old_kib && one.new_kib && *one.old_kib != 0;
    lines.push_back(
        {one.process,
         !one.is_called_out            ? ""
         : *one.new_kib > *one.old_kib ? "MORE"
                                       : "less",
         mib(one.old_kib), mib(one.new_kib),
         is_in_both ? percent(static_cast<double>(*one.new_kib) / static_cast<double>(*one.old_kib) - 1) + " %" : "-"});
  }
  return table(lines);
}

std::string differences_line(const Comparison& comparison) {
  std::vector<std::string> parts;
  parts.reserve(comparison.differences.size());
  for (const Circumstance& one : comparison.differences) {
    parts.push_back(fmt::format("{} {} -> {}", one.name, one.old_value, one.new_value));
  }
  return fmt::format("Not the same in both: {}.\n\n", fmt::join(parts, "; "));
}

std::string summary(const Comparison& comparison) {
  std::string text = fmt::format("{} slower, {} faster, {} with no difference seen", comparison.count(Verdict::kSlower),
                                 comparison.count(Verdict::kFaster), comparison.count(Verdict::kNoDifference));
  if (const size_t few = comparison.count(Verdict::kTooFewRounds); few != 0) {
    text += fmt::format(", {} with too few rounds ({} are needed)", few, kLeastRounds);
  }
  if (!comparison.failed.empty()) {
    text += fmt::format(", {} FAILED", comparison.failed.size());
  }
  return text + "\n";
}

}  // namespace

std::string to_markdown(const Comparison& comparison) {
  const RowNames names(comparison);
  std::string text = fmt::format("Ratios to direct, {} -> {}\n\n", comparison.old_date, comparison.new_date);
  if (!comparison.differences.empty()) {
    text += differences_line(comparison);
  }
  for (const RecordedGap& gap : comparison.failed) {
    text += fmt::format("FAILED, and was measured before: {}: {}\n\n", name_of(gap.cell), gap.reason);
  }
  if (!comparison.changes.empty()) {
    text += ratio_table(comparison, names) + "\n";
  }
  if (!comparison.times.empty()) {
    text += "For information, not judged:\n\n" + times_table(comparison, names) + "\n";
  }
  if (!comparison.memory.empty()) {
    text += memory_table(comparison) + "\n";
  }
  for (const auto& [rows, which] : {std::pair(&comparison.only_old, "old"), std::pair(&comparison.only_new, "new")}) {
    if (!rows->empty()) {
      text += fmt::format("Only in the {} report: {}\n\n", which, fmt::join(*rows, "; "));
    }
  }
  for (const RecordedGap& gap : comparison.also_failed) {
    text += fmt::format("Failed, and was not measured before: {}: {}\n\n", name_of(gap.cell), gap.reason);
  }
  return text + summary(comparison);
}

}  // namespace fairlead::bench
