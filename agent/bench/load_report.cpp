#include "agent/bench/load_report.h"

#include "agent/host/file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

namespace fairlead::bench {
namespace {

using nlohmann::json;

constexpr int kReadVersion = 1;

// Null if it is not there, as if it were written so.
const json& field(const json& object, std::string_view name) {
  static const json kNull;
  if (!object.is_object()) {
    return kNull;
  }
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::optional<double> number_in(const json& value) {
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::optional<double> positive_in(const json& value) {
  const auto found = number_in(value);
  return found && std::isfinite(*found) && *found > 0 ? found : std::nullopt;
}

bool is_printable(char c) { return c >= ' ' && c <= '~' && c != '|'; }

// What is shown stays in its line, and in its cell of a table.
std::string shown(const json& value) {
  if (value.is_null()) {
    return "unknown";
  }
  std::string text = value.is_string() ? value.get<std::string>()
                                       : value.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
  std::ranges::replace_if(text, [](char c) { return !is_printable(c); }, ' ');
  return text;
}

std::optional<std::string> word_in(const json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  return text != nullptr && !text->empty() && std::ranges::all_of(*text, is_printable) ? std::optional(*text)
                                                                                       : std::nullopt;
}

Result<RecordedCell> cell_of(const json& value) {
  auto path = word_in(field(value, "path")), placement = word_in(field(value, "placement")),
       load = word_in(field(value, "load"));
  if (!path || !placement || !load) {
    return fail("not a report: a row has no path, placement or load");
  }
  return RecordedCell{std::move(*path), std::move(*placement), std::move(*load)};
}

Result<RecordedRow> row_of(const json& value) {
  auto cell = cell_of(value);
  if (!cell) {
    return std::unexpected(cell.error());
  }
  const json& latency = field(value, "latency_us");
  RecordedRow row{.cell = std::move(*cell),
                  .us = {},
                  .ratios = {},
                  .p50_us = number_in(field(latency, "p50")),
                  .p99_us = number_in(field(latency, "p99"))};
  for (const json& round : field(value, "rounds")) {
    const auto us = positive_in(field(round, "us_per_request")), direct_us = positive_in(field(round, "direct_us"));
    if (!us || !direct_us) {
      return fail(fmt::format("not a report: {}: a round without its times", name_of(row.cell)));
    }
    row.us.push_back(*us);
    row.ratios.push_back(*us / *direct_us);
  }
  if (row.us.empty()) {
    return fail(fmt::format("not a report: {}: no rounds", name_of(row.cell)));
  }
  return row;
}

std::map<std::string, std::string> circumstances_of(const json& report, const std::vector<RecordedRow>& rows) {
  const json &machine = field(report, "machine"), &method = field(report, "method");
  std::map<std::string, std::string> all = {{"cpu", shown(field(machine, "cpu"))},
                                            {"cpus", shown(field(machine, "cpus"))},
                                            {"kernel", shown(field(machine, "kernel"))},
                                            {"agent", shown(field(field(machine, "versions"), "fairlead"))}};
  all["partial"] = field(report, "partial") == true ? "yes" : "no";
  std::set<std::string> placements;
  for (const RecordedRow& row : rows) {
    placements.insert(row.cell.placement);
  }
  all["placement"] = fmt::format("{}", fmt::join(placements, " and "));
  for (const char* part : {"rounds", "duration_ms", "body_bytes"}) {
    all[part] = shown(field(method, part));
  }
  return all;
}

std::map<std::string, uint64_t> pss_of(const json& report) {
  std::map<std::string, uint64_t> all;
  const json& memory = field(report, "memory");
  if (!memory.is_object()) {
    return all;
  }
  for (const auto& [process, states] : memory.items()) {
    const json& pss = field(field(states, "under_load"), "pss_kib");
    if (pss.is_number_unsigned()) {
      all[shown(process)] = pss.get<uint64_t>();
    }
  }
  return all;
}

Result<std::vector<RecordedRow>> rows_of(const json& report) {
  std::vector<RecordedRow> rows;
  std::set<RecordedCell> seen;
  for (const json& value : field(report, "rows")) {
    auto row = row_of(value);
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!seen.insert(row->cell).second) {
      return fail(fmt::format("not a report: {} is there twice", name_of(row->cell)));
    }
    rows.push_back(std::move(*row));
  }
  return rows;
}

Result<std::vector<RecordedGap>> gaps_of(const json& report) {
  std::vector<RecordedGap> gaps;
  for (const json& value : field(report, "not_measured")) {
    auto cell = cell_of(value);
    if (!cell) {
      return std::unexpected(cell.error());
    }
    gaps.push_back({.cell = std::move(*cell),
                    .has_failed = field(value, "why") != "missing",
                    .reason = shown(field(value, "reason"))});
  }
  return gaps;
}

}  // namespace

std::string name_of(const RecordedCell& cell) { return fmt::format("{} {} {}", cell.path, cell.placement, cell.load); }

Result<RecordedReport> parse_report(const json& report) {
  const json& version = field(report, "version");
  if (!version.is_number() || !field(report, "rows").is_array()) {
    return fail("not a report of fairlead bench");
  }
  if (version != kReadVersion) {
    return fail(fmt::format("a report of version {}, this program reads version {}", version.dump(), kReadVersion));
  }
  auto rows = rows_of(report);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  auto gaps = gaps_of(report);
  if (!gaps) {
    return std::unexpected(gaps.error());
  }
  return RecordedReport{.circumstances = circumstances_of(report, *rows),
                        .date = shown(field(field(report, "machine"), "date")),
                        .rows = std::move(*rows),
                        .not_measured = std::move(*gaps),
                        .pss_kib = pss_of(report)};
}

Result<json> read_json(const std::string& file) {
  const auto text = host::read_file(file);
  if (!text) {
    return std::unexpected(text.error());
  }
  json value = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? fail(fmt::format("{}: not JSON", file)) : Result<json>(std::move(value));
}

Result<RecordedReport> load_report(const std::string& file) {
  const auto report = read_json(file);
  if (!report) {
    return std::unexpected(report.error());
  }
  auto recorded = parse_report(*report);
  return recorded ? std::move(recorded) : fail(recorded.error(), file);
}

}  // namespace fairlead::bench
