// The result of a run: report.json (docs/report-json.md), and the table for people. Pure; any thread.
#pragma once

#include "agent/bench/events.h"
#include "agent/bench/ladder.h"
#include "agent/bench/load/histogram.h"
#include "agent/bench/memory.h"
#include "agent/bench/paths.h"
#include "agent/bench/policy_ends.h"
#include "agent/bench/scrape.h"
#include "agent/bench/statistics.h"
#include "agent/bench/usage.h"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::bench {

struct Round {
  double us_per_request = 0, direct_us = 0;
  uint64_t requests = 0;
  double p50_us = 0, p99_us = 0;
  std::map<std::string, Usage> used;  // by process
  double softirq_us = 0;
};

struct Row {
  Cell cell;
  std::vector<Round> rounds;
  std::shared_ptr<Histogram> latency;      // of all rounds
  std::map<std::string, double> syscalls;  // per request
};

// A cell without figures, and why.
struct NotMeasured {
  Cell cell;
  std::string reason;
  bool is_missing = false;  // a program is not installed; otherwise it was tried and failed
};

struct Report {
  std::string placement;
  nlohmann::json machine, method;
  std::vector<Row> rows;
  std::vector<NotMeasured> not_measured;
  std::map<std::string, Memory> idle, under_load;  // by process
  std::vector<Ladder> ladders;
  std::vector<Event> events;
  std::vector<MemoryByPods> memory_by_pods;
  std::vector<MemoryByConnections> memory_by_connections;
  std::vector<PolicyEnds> policy_ends;
  std::optional<Scraped> scraped;
  bool is_partial = false;  // the run ended before its end
};

// What a row's rounds say.
struct Figures {
  double us_per_request = 0, ratio = 0, added_us = 0, spread = 0, p50_us = 0, p99_us = 0;
  Interval us_interval, ratio_interval;
  std::map<std::string, double> cpu_us_per_request;  // medians
  std::map<std::string, Usage> used;                 // sums
  double softirq_us = 0;
  uint64_t requests = 0;
};
Figures figures_of(const Row& row);

nlohmann::json to_json(const Report& report);
// Parts of it (report_parts.cpp).
nlohmann::json to_json(const std::vector<Ladder>& ladders, const std::string& placement);
nlohmann::json to_json(const std::vector<Event>& events);
nlohmann::json to_json(const Scraped& scraped);
nlohmann::json to_json(const std::vector<MemoryByPods>& memory);
nlohmann::json to_json(const std::vector<MemoryByConnections>& memory);
nlohmann::json to_json(const std::vector<PolicyEnds>& ends);
std::string to_markdown(const std::vector<Ladder>& ladders);
std::string to_markdown(const std::vector<Event>& events);
std::string to_markdown(const std::vector<MemoryByPods>& memory);
std::string to_markdown(const std::vector<MemoryByConnections>& memory);
std::string to_markdown(const std::vector<PolicyEnds>& ends);

// The latencies of all rows, merged over the rounds, as a histogram log that HdrHistogram's tools read; a tag is
// "PATH/LOAD".
std::string to_histogram_log(const Report& report, double start_unix_s);

// As many digits as mean something.
double rounded(double value);
// "latency_us" and "curve" of a row.
nlohmann::json latency_json(const Histogram& latency);
nlohmann::json curve_json(const Histogram& latency);

// Markdown; readable on a terminal as it stands.
std::string to_markdown(const Report& report);

}  // namespace fairlead::bench
