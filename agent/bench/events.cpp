#include "agent/bench/events.h"

#include "agent/bench/run.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <functional>

namespace fairlead::bench {
namespace {

using std::chrono::milliseconds;

constexpr unsigned kRate = 500;
constexpr double kBinMs = 50;

// One thing to do at its time under load.
struct Act {
  milliseconds at;
  std::string what;
  std::function<Status()> perform;
  bool takes_effect_later = true;  // when `perform` returns; a second mark says so
};

// The load goes on for a second after the last act.
Status play(Run& run, const std::string& scenario, const std::vector<Act>& acts) {
  constexpr milliseconds kAfter(1500);
  run.progress.line(fmt::format("{} under load", scenario));
  if (const Status entered = run.rig.enter(Path::kNodeHttp); !entered) {
    return entered;
  }
  auto load = run.rig.watch(Path::kNodeHttp, kRate, acts.back().at + kAfter);
  if (!load) {
    return std::unexpected(load.error());
  }
  const Clock::time_point start = Clock::now();
  const auto since_start = [&] { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); };
  Event event{.scenario = scenario, .rate_per_s = kRate, .marks = {}, .bins = {}};
  for (const Act& act : acts) {
    if (const Status slept = run.interrupt.wait(-1, start + act.at); !slept) {
      return slept;
    }
    event.marks.push_back({since_start(), act.what});
    if (const Status performed = act.perform(); !performed) {
      return fail(performed.error(), act.what);
    }
    if (act.takes_effect_later) {
      event.marks.push_back({since_start(), act.what + ": in force"});
    }
  }
  if (const auto ended = load->wait(run.interrupt); !ended) {
    return std::unexpected(ended.error());
  }
  account(event, load->samples(), kBinMs);
  run.report.events.push_back(std::move(event));
  return {};
}

Status kill_proxy(Run& run) {
  const auto processes = run.rig.mesh().processes();
  if (!processes || !processes->contains("node-proxy")) {
    return processes ? fail("there is no node proxy") : std::unexpected(processes.error());
  }
  kill(processes->at("node-proxy"), SIGKILL);  // a process of our own agent
  return {};
}

}  // namespace

void account(Event& event, std::span<const TimedRequest> requests, double bin_ms) {
  std::vector<double> answers;  // when they came, in us
  std::vector<std::vector<double>> latencies;
  for (const TimedRequest& request : requests) {
    const auto number = static_cast<size_t>(request.due_us / 1000.0 / bin_ms);
    while (event.bins.size() <= number) {
      event.bins.push_back({.t_ms = static_cast<double>(event.bins.size()) * bin_ms});
      latencies.emplace_back();
    }
    Bin& bin = event.bins[number];
    ++bin.count;
    if (request.latency_us == TimedRequest::kFailed) {
      ++bin.failed;
      ++event.lost;
      continue;
    }
    answers.push_back(static_cast<double>(request.due_us) + request.latency_us);
    latencies[number].push_back(request.latency_us);
    bin.max_us = std::max(bin.max_us, static_cast<double>(request.latency_us));
  }
  for (size_t i = 0; i < event.bins.size(); ++i) {
    event.bins[i].p50_us = median(latencies[i]);
  }
  std::ranges::sort(answers);
  for (size_t i = 1; i < answers.size(); ++i) {
    event.longest_gap_ms = std::max(event.longest_gap_ms, (answers[i] - answers[i - 1]) / 1000);
  }
}

Status watch_events(Run& run) {
  Mesh& mesh = run.rig.mesh();
  const std::vector<Act> switches = {
      {milliseconds(1000), "client: node -> sidecar", [&] { return mesh.switch_client("sidecar"); }},
      {milliseconds(3000), "client: sidecar -> node", [&] { return mesh.switch_client("node"); }}};
  const std::vector<Act> kills = {
      {milliseconds(1000), "kill -9 of the node proxy", [&] { return kill_proxy(run); }, /*takes_effect_later=*/false}};
  const std::vector<Act> upgrades = {
      {milliseconds(1000), "a new agent and node proxy take over", [&] { return mesh.upgrade(run.interrupt); }}};
  for (const auto& [scenario, acts] :
       {std::pair("mode-switch", &switches), {"proxy-killed", &kills}, {"proxy-upgraded", &upgrades}}) {
    if (const Status played = play(run, scenario, *acts); !played) {
      return fail(played.error(), scenario);
    }
  }
  return {};
}

}  // namespace fairlead::bench
