// `fairlead bench`: its words on the command line. What it does: agent/bench/bench.h.
#include "agent/ctl/bench_command.h"

#include "agent/bench/bench.h"
#include "agent/bench/compare.h"
#include "agent/bench/own_pods.h"
#include "agent/bench/render.h"
#include "agent/ctl/duration.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace fairlead::ctl {
namespace {

constexpr const char* kLoads =
    "http (of --connections), http-cN, with -10k or -1m (bodies), -new (a connection per request), -close (the server "
    "closes after each answer), -rN (N a second, "
    "open loop), tcp-rr-BYTES, tcp-stream-BYTES";

constexpr const char* kFullLoads[] = {"http",        "http-c1000",     "http-c1-10k",    "http-c1-1m",
                                      "http-c8-new", "http-c64-close", "http-c64-r2000", "tcp-rr-64",
                                      "tcp-rr-16k",  "tcp-stream-1k",  "tcp-stream-16k", "tcp-stream-128k"};

using bench::Load;
using bench::Path;
using Part = bench::Options::Part;

// What there is without --modes in a quick run.
constexpr Path kQuickPaths[] = {Path::kDirect,      Path::kNodeKernel, Path::kNodeHttp,
                                Path::kSidecarPair, Path::kHaproxyHop, Path::kHaproxyPair};

struct NamedPart {
  const char* name;
  Part part;
};
constexpr NamedPart kParts[] = {{"rounds", Part::kRounds}, {"ladder", Part::kLadder},
                                {"events", Part::kEvents}, {"policy", Part::kPolicy},
                                {"memory", Part::kMemory}, {"prometheus", Part::kPrometheus}};

std::vector<std::string> part_names() {
  std::vector<std::string> names;
  std::ranges::transform(kParts, std::back_inserter(names), &NamedPart::name);
  return names;
}

std::vector<Part> parts_of(const BenchArguments& arguments) {
  std::vector<Part> parts;
  for (const auto& [name, part] : kParts) {
    const bool is_named = std::ranges::find(arguments.parts, name) != arguments.parts.end();
    const bool is_default = arguments.parts.empty() && (arguments.full || part == Part::kRounds);
    if (is_named || is_default) {
      parts.push_back(part);
    }
  }
  return parts;
}

std::vector<std::string> path_names() {
  std::vector<std::string> names;
  std::ranges::transform(bench::kAllPaths, std::back_inserter(names),
                         [](Path path) { return std::string(bench::name_of(path)); });
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

// "http" stands for one load per number of connections.
std::vector<Load> loads_of(const BenchArguments& arguments) {
  std::vector<Load> loads;
  std::vector<std::string> names = arguments.loads;
  if (names.empty()) {
    names = arguments.full ? std::vector<std::string>(std::begin(kFullLoads), std::end(kFullLoads))
                           : std::vector<std::string>{"http", "tcp-rr-64"};
  }
  for (const std::string& name : names) {
    if (name != "http") {
      loads.push_back(*bench::parse_load(name));
      continue;
    }
    for (const unsigned connections : arguments.connections) {
      loads.push_back({.connections = connections});
    }
  }
  return loads;
}

CLI::Validator load_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return text == "http" || bench::parse_load(text) ? std::string()
                                                         : fmt::format("\"{}\" is no load; write {}", text, kLoads);
      },
      "LOAD");
}

template <class T>
void keep_first_of_each(std::vector<T>& values) {
  std::vector<T> kept;
  std::ranges::copy_if(values, std::back_inserter(kept),
                       [&](const T& value) { return std::ranges::find(kept, value) == kept.end(); });
  values = std::move(kept);
}

// Last of all options: it goes with none of them.
void add_compare_option(CLI::App& sub, BenchArguments& arguments) {
  const std::vector<CLI::Option*> others = sub.get_options();
  CLI::Option* compare =
      sub.add_option("--compare", arguments.compare,
                     "two report.json, OLD NEW: measures nothing, says what got faster or slower; exit code 1 if "
                     "something got slower or failed")
          ->type_name("FILE")
          ->expected(2);
  for (CLI::Option* other : others) {
    if (other != sub.get_help_ptr()) {
      compare->excludes(other);
    }
  }
}

int failed(const std::string& what) {
  fmt::print(stderr, "fairlead: bench: {}\n", what);
  return 1;
}

int compare(const std::string& old_file, const std::string& new_file) {
  const auto old_report = bench::load_report(old_file);
  if (!old_report) {
    return failed(old_report.error().message());
  }
  const auto new_report = bench::load_report(new_file);
  if (!new_report) {
    return failed(new_report.error().message());
  }
  const bench::Comparison comparison = bench::compare(*old_report, *new_report);
  fmt::print("{}", bench::to_markdown(comparison));
  if (!comparison.is_worse() && !comparison.has_judged()) {
    return failed("nothing compared: no row with enough rounds is in both reports");
  }
  return comparison.is_worse() ? 1 : 0;
}

}  // namespace

void add_bench_options(CLI::App& sub, BenchArguments& arguments) {
  constexpr unsigned kMostRounds = 10'000;
  sub.add_option("--modes", arguments.modes,
                 fmt::format("what to measure, of {}; direct is measured in any case", fmt::join(path_names(), ",")))
      ->delimiter(',')
      ->check(CLI::IsMember(path_names()));
  sub.add_option("--loads", arguments.loads, fmt::format("what to send: {}", kLoads))
      ->delimiter(',')
      ->check(load_validator());
  sub.add_option("--connections", arguments.connections, "of the http loads")
      ->delimiter(',')
      ->check(CLI::Range(1U, bench::kMostConnections))
      ->capture_default_str();
  sub.add_option("--rounds", arguments.rounds, "how often each is measured (default 15)")
      ->check(CLI::Range(1U, kMostRounds));
  sub.add_option("--duration", arguments.duration, "of each measurement (default 1s)")->check(duration_validator());
  sub.add_option("--placement", arguments.placement, "one-core or two-cores, for everything that takes part")
      ->check(CLI::IsMember({"one-core", "two-cores"}))
      ->capture_default_str();
  sub.add_option("--out", arguments.out, "folder for report.json, report.md, page.html and latency.hlog")
      ->capture_default_str();
  CLI::Option* const from =
      sub.add_option("--from", arguments.from, "measure from this pod of a running agent (pod/NAMESPACE/NAME) to --to");
  CLI::Option* const to = sub.add_option("--to", arguments.to, "http://HOST[:PORT][/PATH], HOST as the mesh knows it");
  from->needs(to);
  to->needs(from);
  sub.add_flag("--toggle", arguments.toggle,
               "switch the pod of --from between node, sidecar and off meanwhile; its mode is restored")
      ->needs(from);
  sub.add_option("--render", arguments.render, "measure nothing: write the page.html of this report.json");
  sub.add_option(
         "--parts", arguments.parts,
         "rounds (every path and load), ladder (rates up to what a path carries), events (a switch of modes, a killed "
         "proxy and agent, under load), policy (how soon open connections end that a new one forbids), memory (by pods "
         "and by connections), prometheus (scrapes during a load: what "
         "it reads is what was sent)")
      ->delimiter(',')
      ->check(CLI::IsMember(part_names()));
  CLI::Option* const quick = sub.add_flag("--quick", arguments.quick,
                                          "fewer modes, 5 rounds of 200ms, where nothing else is said: under a minute");
  sub.add_flag("--full", arguments.full,
               "all parts, and more loads, 10 rounds of 500ms, where nothing else is said: half an hour")
      ->excludes(quick);
  add_compare_option(sub, arguments);
}

int bench(const BenchArguments& arguments, const std::string& run_dir) {
  if (!arguments.compare.empty()) {
    return compare(arguments.compare[0], arguments.compare[1]);
  }
  if (!arguments.from.empty()) {
    bench::OwnPods wanted{.run_dir = run_dir, .from = arguments.from, .to = arguments.to};
    wanted.is_toggled = arguments.toggle;
    wanted.rounds = arguments.rounds != 0 ? arguments.rounds : wanted.rounds;
    wanted.duration = parse_duration(arguments.duration).value_or(wanted.duration);
    wanted.connections = arguments.connections.front();
    wanted.out = arguments.out;
    wanted.command_line = arguments.command_line;
    return bench::run(wanted);
  }
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
  options.parts = parts_of(arguments);
  if (arguments.quick && arguments.modes.empty()) {
    options.paths.assign(std::begin(kQuickPaths), std::end(kQuickPaths));
  }
  keep_first_of_each(options.paths);
  keep_first_of_each(options.loads);
  if (arguments.quick) {
    options.rounds = 5;
    options.duration = std::chrono::milliseconds(200);
  } else if (arguments.full) {
    options.rounds = 10;
    options.duration = std::chrono::milliseconds(500);
  }
  options.rounds = arguments.rounds != 0 ? arguments.rounds : options.rounds;
  options.duration = parse_duration(arguments.duration).value_or(options.duration);
  options.placement = arguments.placement == "one-core" ? bench::Placement::kOneCore : bench::Placement::kTwoCores;
  options.out = arguments.out;
  options.command_line = arguments.command_line;
  return bench::run(std::move(options));
}

}  // namespace fairlead::ctl
