#include "agent/bench/own_report.h"

#include "agent/bench/render.h"
#include "agent/bench/report.h"
#include "agent/bench/table.h"
#include "agent/host/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace fairlead::bench {

using nlohmann::json;

namespace {

struct OwnFigures {
  double us = 0, ratio = 0;
  Interval us_interval, ratio_interval;  // the ratio is to the mode that the pod was in, taken within each round
};

OwnFigures figures_of(const OwnRow& row, const OwnRow& first) {
  std::vector<double> us, ratios;
  for (size_t i = 0; i < row.rounds.size(); ++i) {
    us.push_back(row.rounds[i].us_per_request);
    ratios.push_back(row.rounds[i].us_per_request / first.rounds[i].us_per_request);
  }
  return {median(us), median(ratios), interval_of_median(us), interval_of_median(ratios)};
}

}  // namespace

json to_json(const OwnReport& report) {
  json rows = json::array();
  for (const OwnRow& row : report.rows) {
    const OwnFigures figures = figures_of(row, report.rows.front());
    json rounds = json::array();
    for (const OwnRow::Round& round : row.rounds) {
      rounds.push_back({{"us_per_request", rounded(round.us_per_request)}, {"requests", round.requests}});
    }
    rows.push_back({{"mode", row.mode},
                    {"path", row.path},
                    {"us_per_request", rounded(figures.us)},
                    {"us_interval", {rounded(figures.us_interval.low), rounded(figures.us_interval.high)}},
                    {"ratio_to_current", rounded(figures.ratio)},
                    {"ratio_interval", {rounded(figures.ratio_interval.low), rounded(figures.ratio_interval.high)}},
                    {"latency_us", latency_json(*row.latency)},
                    {"curve", curve_json(*row.latency)},
                    {"rounds", std::move(rounds)}});
  }
  return {{"from", report.from}, {"to", report.to}, {"address", report.address}, {"modes", std::move(rows)}};
}

std::string to_markdown(const OwnReport& report) {
  std::vector<std::vector<std::string>> lines = {
      {"mode", "path", "us/request", "p50 us", "p99 us", "ratio", "95 % interval"}};
  for (const OwnRow& row : report.rows) {
    const OwnFigures figures = figures_of(row, report.rows.front());
    lines.push_back({row.mode, row.path, fmt::format("{:.1f}", figures.us),
                     fmt::format("{:.1f}", static_cast<double>(row.latency->at(0.5)) / 1000),
                     fmt::format("{:.1f}", static_cast<double>(row.latency->at(0.99)) / 1000),
                     fmt::format("{:.2f}", figures.ratio),
                     fmt::format("{:.2f}-{:.2f}", figures.ratio_interval.low, figures.ratio_interval.high)});
  }
  return fmt::format("{} to {} ({})\n\n{}", report.from, report.to, report.address, table(lines));
}

Status write_own(const OwnReport& report, const json& machine, const json& method, const std::string& folder) {
  if (const Status made = host::make_folder(folder); !made) {
    return made;
  }
  const json all = {{"version", 1},
                    {"machine", machine},
                    {"method", method},
                    {"rows", json::array()},
                    {"not_measured", json::array()},
                    {"own_pods", to_json(report)}};
  const Status json_written = host::replace_file(folder + "/report.json", all.dump(1) + "\n");
  const Status text_written =
      json_written ? host::replace_file(folder + "/report.md", to_markdown(report)) : json_written;
  return text_written ? write_page(all, folder) : text_written;
}

}  // namespace fairlead::bench
