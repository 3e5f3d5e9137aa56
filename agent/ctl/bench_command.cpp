// `fairlead bench`: its words on the command line. What it does: agent/bench/bench.h.
#include "agent/ctl/bench_command.h"

#include "agent/bench/bench.h"
#include "agent/bench/render.h"
#include "agent/ctl/duration.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace fairlead::ctl {
namespace {

using bench::Load;
using bench::Path;

std::vector<std::string> path_names() {
  std::vector<std::string> names;
  for (const Path path : bench::kAllPaths) {
    names.emplace_back(bench::name_of(path));
  }
  return names;
}

CLI::Validator duration_validator() {
  return CLI::Validator(
      [](std::string& text) {
        const auto duration = parse_duration(text);
        return duration && duration->count() > 0 ? std::string()
                                                 : fmt::format("\"{}\" is not a duration; write 1s or 500ms", text);
      },
      "DURATION");
}

std::vector<Load> loads_of(const BenchArguments& arguments) {
  std::vector<Load> loads;
  for (const std::string& kind : arguments.loads) {
    if (kind == "tcp-rr-64") {
      loads.push_back({Load::Kind::kTcpRoundTrip, 1});
      continue;
    }
    for (const unsigned connections : arguments.connections) {
      loads.push_back({Load::Kind::kHttp, connections});
    }
  }
  return loads;
}

template <class T>
void keep_first_of_each(std::vector<T>& values) {
  std::vector<T> kept;
  std::ranges::copy_if(values, std::back_inserter(kept),
                       [&](const T& value) { return std::ranges::find(kept, value) == kept.end(); });
  values = std::move(kept);
}

}  // namespace

void add_bench_options(CLI::App& sub, BenchArguments& arguments) {
  constexpr unsigned kMostConnections = 1000, kMostRounds = 10'000;
  sub.add_option("--modes", arguments.modes,
                 fmt::format("what to measure, of {}; direct is measured in any case", fmt::join(path_names(), ",")))
      ->delimiter(',')
      ->check(CLI::IsMember(path_names()));
  sub.add_option("--loads", arguments.loads, "http,tcp-rr-64")
      ->delimiter(',')
      ->check(CLI::IsMember({"http", "tcp-rr-64"}))
      ->capture_default_str();
  sub.add_option("--connections", arguments.connections, "of the http loads")
      ->delimiter(',')
      ->check(CLI::Range(1U, kMostConnections))
      ->capture_default_str();
  sub.add_option("--rounds", arguments.rounds, "how often each is measured (default 15)")
      ->check(CLI::Range(1U, kMostRounds));
  sub.add_option("--duration", arguments.duration, "of each measurement (default 1s)")->check(duration_validator());
  sub.add_option("--placement", arguments.placement, "one-core or two-cores, for everything that takes part")
      ->check(CLI::IsMember({"one-core", "two-cores"}))
      ->capture_default_str();
  sub.add_option("--out", arguments.out, "folder for report.json, report.md and page.html")->capture_default_str();
  sub.add_option("--render", arguments.render, "measure nothing: write the page.html of this report.json");
  sub.add_flag("--quick", arguments.quick, "5 rounds of 200ms, where nothing else is said: about a minute");
}

int bench(const BenchArguments& arguments) {
  if (!arguments.render.empty()) {
    return bench::render(arguments.render, arguments.out);
  }
  bench::Options options;
  if (!arguments.modes.empty()) {
    options.paths.clear();
    for (const std::string& name : arguments.modes) {
      options.paths.push_back(*bench::parse_path(name));
    }
  }
  options.loads = loads_of(arguments);
  keep_first_of_each(options.paths);
  keep_first_of_each(options.loads);
  if (arguments.quick) {
    options.rounds = 5;
    options.duration = std::chrono::milliseconds(200);
  }
  options.rounds = arguments.rounds != 0 ? arguments.rounds : options.rounds;
  options.duration = parse_duration(arguments.duration).value_or(options.duration);
  options.placement = arguments.placement == "one-core" ? bench::Placement::kOneCore : bench::Placement::kTwoCores;
  options.out = arguments.out;
  options.command_line = arguments.command_line;
  return bench::run(std::move(options));
}

}  // namespace fairlead::ctl
