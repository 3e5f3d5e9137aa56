// A report.json (docs/report-json.md), read back: the parts that two reports are compared by. Pure but for the file;
// any thread. What a report may lack, since fields come without a new version, is optional here; a row without its name
// or its rounds makes the file none of ours.
#pragma once

#include "userspace-proxy/base/error.h"

#include <nlohmann/json.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::bench {

// Words, not agent/bench/paths.h's values: the file may be of a version that has others. Printable ASCII without a bar.
struct RecordedCell {
  std::string path, placement, load;
  auto operator<=>(const RecordedCell&) const = default;
};
// "node-http one-core http-c1".
std::string name_of(const RecordedCell& cell);

struct RecordedRow {
  RecordedCell cell;
  std::vector<double> us, ratios;  // per round: us per request, and that divided by direct's
  std::optional<double> p50_us, p99_us;
};

struct RecordedGap {
  RecordedCell cell;
  bool has_failed = false;  // otherwise: a program was not installed
  std::string reason;
};

struct RecordedReport {
  std::map<std::string, std::string> circumstances;  // what ratios depend on besides the code: "cpu", "rounds", ...
  std::string date;
  std::vector<RecordedRow> rows;
  std::vector<RecordedGap> not_measured;
  std::map<std::string, uint64_t> pss_kib;  // under load, by process
};

// A file's JSON, whatever it holds. Errors name the file.
Result<nlohmann::json> read_json(const std::string& file);

// Errors say what is wrong, in one line.
Result<RecordedReport> parse_report(const nlohmann::json& report);

// Errors name the file, too.
Result<RecordedReport> load_report(const std::string& file);

}  // namespace fairlead::bench
