#include "agent/bench/report.h"

#include "agent/bench/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

namespace fairlead::bench {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

template <class Get>
std::vector<double> each(const Row& row, Get get) {
  std::vector<double> values(row.rounds.size());
  std::ranges::transform(row.rounds, values.begin(), get);
  return values;
}

json interval_json(const Interval& interval) { return {rounded(interval.low), rounded(interval.high)}; }

json memory_json(const Memory& memory) { return {{"rss_kib", memory.rss_kib}, {"pss_kib", memory.pss_kib}}; }

json rounded_each(const std::map<std::string, double>& values) {
  json all = json::object();
  for (const auto& [name, value] : values) {
    all[name] = rounded(value);
  }
  return all;
}

// Per request. Ticks say how the exact sum is divided; a process that has none has used too little to divide.
json cpu_json(const Figures& figures) {
  json all = json::object();
  const auto requests = static_cast<double>(figures.requests);
  for (const auto& [name, used] : figures.used) {
    const double ticks = used.user_us + used.system_us, user = ticks == 0 ? 0 : used.user_us / ticks;
    all[name] = {{"user_us", rounded(used.cpu_us * user / requests)},
                 {"system_us", rounded(used.cpu_us * (1 - user) / requests)}};
  }
  return all;
}

json switches_json(const Figures& figures) {
  json all = json::object();
  for (const auto& [name, used] : figures.used) {
    all[name] = rounded(static_cast<double>(used.context_switches) / static_cast<double>(figures.requests));
  }
  return all;
}

// Rows of the same load whose time this run does not tell apart from this one's: the interval of the ratio within the
// rounds, which are the same for both, has 1 in it.
json indistinguishable(const Row& row, const std::vector<Row>& rows) {
  json paths = json::array();
  for (const Row& other : rows) {
    if (other.cell == row.cell || other.cell.load != row.cell.load) {
      continue;
    }
    std::vector<double> ratios(std::min(row.rounds.size(), other.rounds.size()));
    for (size_t i = 0; i < ratios.size(); ++i) {
      ratios[i] = row.rounds[i].us_per_request / other.rounds[i].us_per_request;
    }
    if (const Interval interval = interval_of_median(ratios); interval.low <= 1 && interval.high >= 1) {
      paths.push_back(name_of(other.cell.path));
    }
  }
  return paths;
}

json row_json(const Row& row, const std::vector<Row>& rows_of_all, const std::string& placement) {
  const Figures figures = figures_of(row);
  json rounds = json::array();
  for (const Round& round : row.rounds) {
    rounds.push_back({{"us_per_request", rounded(round.us_per_request)},
                      {"direct_us", rounded(round.direct_us)},
                      {"requests", round.requests}});
  }
  json all = {{"path", name_of(row.cell.path)},
              {"placement", placement},
              {"load", name_of(row.cell.load)},
              {"us_per_request", rounded(figures.us_per_request)},
              {"us_interval", interval_json(figures.us_interval)},
              {"ratio_to_direct", rounded(figures.ratio)},
              {"ratio_interval", interval_json(figures.ratio_interval)},
              {"added_us", rounded(figures.added_us)},
              {"spread", rounded(figures.spread)},
              {"p50_us", rounded(figures.p50_us)},
              {"p99_us", rounded(figures.p99_us)},
              {"loop", row.cell.load.rate != 0 ? "open" : "closed"},
              {"requests", figures.requests},
              {"latency_us", latency_json(*row.latency)},
              {"curve", curve_json(*row.latency)},
              {"cpu_us_per_request", rounded_each(figures.cpu_us_per_request)},
              {"cpu", cpu_json(figures)},
              {"softirq_us", rounded(figures.softirq_us / static_cast<double>(figures.requests))},
              {"context_switches", switches_json(figures)},
              {"syscalls", rounded_each(row.syscalls)},
              {"indistinguishable_from", indistinguishable(row, rows_of_all)},
              {"rounds", std::move(rounds)}};
  if (row.cell.load.rate != 0) {
    all["rate"] = row.cell.load.rate;
  }
  return all;
}

json memory_of_all(const Report& report) {
  json all = json::object();
  for (const auto& [name, memory] : report.idle) {
    all[name]["idle"] = memory_json(memory);
  }
  for (const auto& [name, memory] : report.under_load) {
    all[name]["under_load"] = memory_json(memory);
  }
  return all;
}

std::string latency_table(const Report& report) {
  std::vector<std::vector<std::string>> lines = {
      {"load", "path", "us/request", "ratio to direct", "95 % interval", "added us", "spread"}};
  for (const Row& row : report.rows) {
    const Figures figures = figures_of(row);
    lines.push_back({name_of(row.cell.load), std::string(name_of(row.cell.path)),
                     fmt::format("{:.1f}", figures.us_per_request), fmt::format("{:.2f}", figures.ratio),
                     fmt::format("{:.2f}-{:.2f}", figures.ratio_interval.low, figures.ratio_interval.high),
                     fmt::format("{:.1f}", figures.added_us), fmt::format("{:.0f} %", figures.spread * 100)});
  }
  return table(lines);
}

std::string memory_table(const Report& report) {
  std::vector<std::vector<std::string>> lines = {
      {"memory of", "", "RSS idle", "PSS idle", "RSS under load", "PSS under load"}};
  const auto mib = [](const std::map<std::string, Memory>& all, const std::string& name, uint64_t Memory::* part) {
    const auto found = all.find(name);
    return found == all.end() ? std::string("-")
                              : fmt::format("{:.1f} MiB", static_cast<double>(found->second.*part) / 1024);
  };
  std::set<std::string> names;
  for (const auto* all : {&report.idle, &report.under_load}) {
    std::ranges::transform(*all, std::inserter(names, names.end()), [](const auto& entry) { return entry.first; });
  }
  for (const std::string& name : names) {
    lines.push_back({name, "", mib(report.idle, name, &Memory::rss_kib), mib(report.idle, name, &Memory::pss_kib),
                     mib(report.under_load, name, &Memory::rss_kib), mib(report.under_load, name, &Memory::pss_kib)});
  }
  return table(lines);
}

// One per path and reason, with its loads.
std::string not_measured_lines(const Report& report) {
  std::string text;
  for (auto cell = report.not_measured.begin(); cell != report.not_measured.end();) {
    const auto end = std::find_if(cell, report.not_measured.end(), [&](const NotMeasured& other) {
      return other.cell.path != cell->cell.path || other.reason != cell->reason;
    });
    std::vector<std::string> loads;
    std::transform(cell, end, std::back_inserter(loads), [](const NotMeasured& one) { return name_of(one.cell.load); });
    text += fmt::format("\n{} {}: {}: {}\n", name_of(cell->cell.path), fmt::join(loads, ", "),
                        cell->is_missing ? "not measured" : "FAILED", cell->reason);
    cell = end;
  }
  return text;
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? "unknown"
         : found->is_string()                      ? found->get<std::string>()
                                                   : found->dump();
}

}  // namespace

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

Figures figures_of(const Row& row) {
  const auto us = each(row, [](const Round& round) { return round.us_per_request; });
  const auto ratios = each(row, [](const Round& round) { return round.us_per_request / round.direct_us; });
  Figures figures{
      .us_per_request = median(us),
      .ratio = median(ratios),
      .added_us = median(each(row, [](const Round& round) { return round.us_per_request - round.direct_us; })),
      .spread = spread(us),
      .p50_us = median(each(row, [](const Round& round) { return round.p50_us; })),
      .p99_us = median(each(row, [](const Round& round) { return round.p99_us; })),
      .us_interval = interval_of_median(us),
      .ratio_interval = interval_of_median(ratios),
      .cpu_us_per_request = {},
      .used = {}};
  std::map<std::string, std::vector<double>> cpu;
  for (const Round& round : row.rounds) {
    figures.requests += round.requests;
    figures.softirq_us += round.softirq_us;
    for (const auto& [name, used] : round.used) {
      figures.used[name] += used;
      cpu[name].push_back(used.cpu_us / static_cast<double>(round.requests));
    }
  }
  for (const auto& [name, values] : cpu) {
    figures.cpu_us_per_request[name] = median(values);
  }
  return figures;
}

json to_json(const Report& report) {
  json rows = json::array(), not_measured = json::array();
  for (const Row& row : report.rows) {
    rows.push_back(row_json(row, report.rows, report.placement));
  }
  for (const NotMeasured& cell : report.not_measured) {
    not_measured.push_back({{"path", name_of(cell.cell.path)},
                            {"placement", report.placement},
                            {"load", name_of(cell.cell.load)},
                            {"why", cell.is_missing ? "missing" : "failed"},
                            {"reason", cell.reason}});
  }
  json all = {{"version", kVersion},     {"machine", report.machine},       {"method", report.method},
              {"rows", std::move(rows)}, {"memory", memory_of_all(report)}, {"not_measured", std::move(not_measured)}};
  const auto put = [&](const char* name, const auto& part, const auto&... more) {
    if (!part.empty()) {
      all[name] = to_json(part, more...);
    }
  };
  put("ladder", report.ladders, report.placement);
  put("events", report.events);
  put("memory_by_pods", report.memory_by_pods);
  put("memory_by_connections", report.memory_by_connections);
  put("policy_ends", report.policy_ends);
  if (report.scraped) {
    all["prometheus"] = to_json(*report.scraped);
  }
  if (report.is_partial) {
    all["partial"] = true;
  }
  return all;
}

std::string to_markdown(const Report& report) {
  std::string text = fmt::format("{}, {} CPUs, {}; {}; load average {}\n\n", text_of(report.machine, "cpu"),
                                 text_of(report.machine, "cpus"), text_of(report.machine, "kernel"), report.placement,
                                 text_of(report.machine, "load_average"));
  if (report.is_partial) {
    text += "The run was ended before its end: what follows is what it had until then.\n\n";
  }
  if (!report.rows.empty()) {
    text += latency_table(report);
  }
  if (!report.idle.empty() || !report.under_load.empty()) {
    text += "\n" + memory_table(report);
  }
  const auto put = [&](const auto& part) { text += part.empty() ? "" : "\n" + to_markdown(part); };
  put(report.memory_by_connections);
  put(report.memory_by_pods);
  put(report.ladders);
  put(report.events);
  put(report.policy_ends);
  if (report.scraped) {
    text += fmt::format("\n{} requests sent, {} read by Prometheus at the source, {} at the destination\n",
                        report.scraped->sent, report.scraped->source, report.scraped->destination);
  }
  text += not_measured_lines(report);
  return text;
}

}  // namespace fairlead::bench
