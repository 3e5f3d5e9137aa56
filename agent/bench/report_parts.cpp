// Latencies, ladders and events in the report (bench/report.h).
#include "agent/bench/report.h"
#include "agent/bench/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::bench {

using nlohmann::json;

namespace {

double us_at(const Histogram& latency, double q) { return rounded(static_cast<double>(latency.at(q)) / 1000); }
double us_of(uint64_t ns) { return rounded(static_cast<double>(ns) / 1000); }
std::string mib(uint64_t kib) { return fmt::format("{:.1f} MiB", static_cast<double>(kib) / 1024); }

}  // namespace

json latency_json(const Histogram& latency) {
  return {{"p50", us_of(latency.at(0.5))},    {"p90", us_of(latency.at(0.9))}, {"p99", us_of(latency.at(0.99))},
          {"p999", us_of(latency.at(0.999))}, {"max", us_of(latency.max())},   {"mean", rounded(latency.mean() / 1000)},
          {"count", latency.count()}};
}

json curve_json(const Histogram& latency) {
  constexpr unsigned kPerHalf = 3;
  json points = json::array();
  for (const Histogram::Point& point : latency.curve(kPerHalf)) {
    points.push_back({point.q, us_of(point.ns)});
  }
  return points;
}

json to_json(const std::vector<Ladder>& ladders, const std::string& placement) {
  json all = json::array();
  for (const Ladder& ladder : ladders) {
    json steps = json::array();
    for (const Step& step : ladder.steps) {
      steps.push_back({{"offered_per_s", step.offered_per_s},
                       {"achieved_per_s", rounded(step.achieved_per_s)},
                       {"carried", step.is_carried()},
                       {"unanswered", step.unanswered},
                       {"p50_us", us_at(*step.latency, 0.5)},
                       {"p90_us", us_at(*step.latency, 0.9)},
                       {"p99_us", us_at(*step.latency, 0.99)},
                       {"p999_us", us_at(*step.latency, 0.999)},
                       {"max_us", us_at(*step.latency, 1)}});
    }
    all.push_back({{"path", name_of(ladder.path)},
                   {"placement", placement},
                   {"connections", ladder.connections},
                   {"saturated_per_s", saturation(ladder.steps)},
                   {"steps", std::move(steps)}});
  }
  return all;
}

std::string to_markdown(const std::vector<Ladder>& ladders) {
  std::vector<std::vector<std::string>> lines = {
      {"carries", "path", "requests/s", "p50 us at half", "p99 us at half", "p99 us at most"}};
  for (const Ladder& ladder : ladders) {
    const unsigned most = saturation(ladder.steps);
    const auto step_at = [&](unsigned rate) {
      return std::ranges::min_element(ladder.steps, {}, [&](const Step& step) {
        return step.offered_per_s > rate ? step.offered_per_s - rate : rate - step.offered_per_s;
      });
    };
    if (most == 0) {
      lines.push_back({"", std::string(name_of(ladder.path)), "none", "-", "-", "-"});
      continue;
    }
    const Step &half = *step_at(most / 2), &all = *step_at(most);
    lines.push_back({"", std::string(name_of(ladder.path)), fmt::format("{}", most),
                     fmt::format("{:.0f}", us_at(*half.latency, 0.5)),
                     fmt::format("{:.0f}", us_at(*half.latency, 0.99)),
                     fmt::format("{:.0f}", us_at(*all.latency, 0.99))});
  }
  return table(lines);
}

json to_json(const std::vector<Event>& events) {
  json all = json::array();
  for (const Event& event : events) {
    json marks = json::array(), bins = json::array();
    for (const Mark& mark : event.marks) {
      marks.push_back({{"t_ms", rounded(mark.t_ms)}, {"what", mark.what}});
    }
    for (const Bin& bin : event.bins) {
      bins.push_back({{"t_ms", bin.t_ms},
                      {"count", bin.count},
                      {"failed", bin.failed},
                      {"p50_us", bin.p50_us},
                      {"max_us", bin.max_us}});
    }
    all.push_back({{"scenario", event.scenario},
                   {"rate_per_s", event.rate_per_s},
                   {"lost", event.lost},
                   {"longest_gap_ms", rounded(event.longest_gap_ms)},
                   {"marks", std::move(marks)},
                   {"bins", std::move(bins)}});
  }
  return all;
}

std::string to_markdown(const std::vector<Event>& events) {
  std::vector<std::vector<std::string>> lines = {{"under load", "", "requests/s", "lost", "longest gap"}};
  for (const Event& event : events) {
    lines.push_back({event.scenario, "", fmt::format("{}", event.rate_per_s), fmt::format("{}", event.lost),
                     fmt::format("{:.0f} ms", event.longest_gap_ms)});
  }
  return table(lines);
}

json to_json(const Scraped& scraped) {
  return {{"version", scraped.version},
          {"path", name_of(scraped.path)},
          {"sent", scraped.sent},
          {"scraped_source", scraped.source},
          {"scraped_destination", scraped.destination},
          {"scrapes", scraped.scrapes}};
}

json to_json(const std::vector<MemoryByPods>& memory) {
  json all = json::array();
  for (const MemoryByPods& one : memory) {
    all.push_back(
        {{"mode", one.mode}, {"pods", one.pods}, {"agent_kib", one.agent_kib}, {"proxies_kib", one.proxies_kib}});
  }
  return all;
}

json to_json(const std::vector<MemoryByConnections>& memory) {
  json all = json::array();
  for (const MemoryByConnections& one : memory) {
    json point = {{"path", name_of(one.path)}, {"connections", one.connections}, {"proxies_kib", one.proxies_kib}};
    if (one.socket_kib) {
      point["socket_kib"] = *one.socket_kib;
    }
    all.push_back(std::move(point));
  }
  return all;
}

std::string to_markdown(const std::vector<MemoryByPods>& memory) {
  std::vector<std::vector<std::string>> lines = {{"memory by pods", "", "pods", "all proxies (PSS)", "agent (PSS)"}};
  for (const MemoryByPods& one : memory) {
    lines.push_back({one.mode + " mode", "", fmt::format("{}", one.pods), mib(one.proxies_kib), mib(one.agent_kib)});
  }
  return table(lines);
}

std::string to_markdown(const std::vector<MemoryByConnections>& memory) {
  std::vector<std::vector<std::string>> lines = {
      {"memory by connections", "", "connections", "proxies (PSS)", "sockets in the kernel"}};
  for (const MemoryByConnections& one : memory) {
    lines.push_back({std::string(name_of(one.path)), "", fmt::format("{}", one.connections), mib(one.proxies_kib),
                     one.socket_kib ? mib(*one.socket_kib) : "unknown"});
  }
  return table(lines);
}

std::string to_histogram_log(const Report& report, double start_unix_s) {
  std::string log = histogram_log_header(start_unix_s);
  for (const Row& row : report.rows) {
    double seconds = 0;
    for (const Round& round : row.rounds) {
      seconds += round.us_per_request * static_cast<double>(round.requests) / 1e6;
    }
    log +=
        histogram_log_line(fmt::format("{}/{}", name_of(row.cell.path), name_of(row.cell.load)), seconds, *row.latency);
  }
  return log;
}

json to_json(const std::vector<PolicyEnds>& ends) {
  json all = json::array();
  for (const PolicyEnds& one : ends) {
    all.push_back({{"path", name_of(one.path)},
                   {"connections", one.connections},
                   {"forbidden", one.forbidden},
                   {"ended", one.ended},
                   {"p50_ms", rounded(one.p50_ms)},
                   {"p99_ms", rounded(one.p99_ms)},
                   {"max_ms", rounded(one.max_ms)}});
  }
  return all;
}

std::string to_markdown(const std::vector<PolicyEnds>& ends) {
  std::vector<std::vector<std::string>> lines = {
      {"a new policy forbids", "path", "open", "forbidden", "ended", "p50 ms", "p99 ms", "max ms"}};
  for (const PolicyEnds& one : ends) {
    lines.push_back({"", std::string(name_of(one.path)), fmt::format("{}", one.connections),
                     fmt::format("{}", one.forbidden), fmt::format("{}", one.ended), fmt::format("{:.1f}", one.p50_ms),
                     fmt::format("{:.1f}", one.p99_ms), fmt::format("{:.1f}", one.max_ms)});
  }
  return table(lines);
}

}  // namespace fairlead::bench
