#include "agent/bench/bench.h"

#include "agent/bench/machine.h"
#include "agent/bench/render.h"
#include "agent/bench/run.h"
#include "agent/bench/stock/proxy.h"
#include "agent/host/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <random>

namespace fairlead::bench {
namespace {

// This process itself stays off the CPUs that are measured, where there are others.
void keep_to(const std::vector<int>& cpus) {
  if (cpus.empty()) {
    return;
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    CPU_SET(static_cast<size_t>(cpu), &set);
  }
  sched_setaffinity(0, sizeof set, &set);  // a preference: going on without it is right
}

int refused(const std::string& what) {
  fmt::print(stderr, "fairlead: bench: {}\n", what);
  return 1;
}

// The CPUs that are measured: the last ones, since the first gets most of the machine's interrupts.
Result<std::vector<int>> choose_cpus(Placement placement) {
  const size_t wanted = placement == Placement::kOneCore ? 1 : 2;
  std::vector<int> cpus = usable_cpus();
  if (cpus.size() < wanted) {
    return fail(fmt::format("{} CPUs wanted, {} usable", wanted, cpus.size()));
  }
  const auto others = cpus.end() - static_cast<ptrdiff_t>(wanted);
  keep_to(std::vector<int>(cpus.begin(), others));
  cpus.erase(cpus.begin(), others);
  return cpus;
}

// Why a path cannot be measured on this machine; empty: it can.
std::string why_missing(Path path) {
  if (is_encrypted(path)) {
    return "the mesh has no mTLS yet";
  }
  const StockProxy* const proxy = stock_proxy(path);
  if (proxy == nullptr || !program_of(*proxy).empty()) {
    return {};
  }
  return fmt::format("{} is not on this machine ({})", proxy->program, proxy->where_from);
}

// Such a path is named in the report.
void drop_missing(Options& options, Report& report) {
  std::erase_if(options.paths, [&](Path path) {
    const std::string reason = why_missing(path);
    for (const Load& load : options.loads) {
      if (!reason.empty() && carries(path, load)) {
        report.not_measured.push_back({{path, load}, reason, /*is_missing=*/true});
      }
    }
    return !reason.empty();
  });
}

Status check_tools() {
  for (const char* program : {"wrk", "nginx", "ip"}) {
    if (find_program(program).empty()) {
      return fail(fmt::format("{} is not installed; the bench needs it (scripts/setup run installs it)", program));
    }
  }
  return geteuid() == 0 ? Status() : fail("makes network namespaces and starts an agent: run it as root");
}

bool wants(const Options& options, Options::Part part) {
  return std::ranges::find(options.parts, part) != options.parts.end();
}

// By load as they were given, then by path.
void order_rows(const Options& options, Report& report) {
  const auto place = [&](const Row& row) {
    return std::pair(std::ranges::find(options.loads, row.cell.load) - options.loads.begin(), row.cell.path);
  };
  std::ranges::sort(report.rows, [&](const Row& a, const Row& b) { return place(a) < place(b); });
}

// Of the rows: "closed", "open", or "both".
std::string_view loop_of(const std::vector<Load>& loads) {
  const auto open = std::ranges::count_if(loads, [](const Load& load) { return load.rate != 0; });
  return open == 0 ? "closed" : (static_cast<size_t>(open) == loads.size() ? "open" : "both");
}

Status measure_parts(Run& run, uint64_t seed) {
  if (wants(run.options, Options::Part::kRounds)) {
    if (const Status noted = note_idle_memory(run); !noted) {
      return noted;
    }
    if (const Status probed = probe_cells(run, seed); !probed) {
      return probed;
    }
    if (const Status measured = measure_rounds(run, seed); !measured) {
      return measured;
    }
  }
  for (const auto& [part, measure] : {std::pair(Options::Part::kLadder, &climb_ladders),
                                      {Options::Part::kEvents, &watch_events},
                                      {Options::Part::kPolicy, &measure_policy_ends},
                                      {Options::Part::kMemory, &measure_memory},
                                      {Options::Part::kPrometheus, &compare_with_prometheus}}) {
    const Status measured = wants(run.options, part) ? measure(run) : Status();
    if (!measured) {
      return measured;
    }
  }
  return {};
}

// `report` has what there is, however it ends.
Status measure(Options& options, const Interrupt& interrupt, Report& report) {
  if (const Status there = check_tools(); !there) {
    return there;
  }
  const auto cpus = choose_cpus(options.placement);
  if (!cpus) {
    return std::unexpected(cpus.error());
  }
  report.placement = cpus->size() == 1 ? "one-core" : "two-cores";
  if (std::ranges::find(options.paths, Path::kDirect) == options.paths.end()) {
    options.paths.insert(options.paths.begin(), Path::kDirect);
  }
  drop_missing(options, report);
  const auto rig = Rig::open(options.paths, *cpus, interrupt);
  if (!rig) {
    return std::unexpected(rig.error());
  }
  const uint64_t seed = std::random_device()();
  report.machine = describe_machine(*cpus, (*rig)->agent_version());
  report.method = {{"command_line", options.command_line},    {"rounds", options.rounds},
                   {"duration_ms", options.duration.count()}, {"seed", seed},
                   {"loop", loop_of(options.loads)},          {"body_bytes", Load::kBodyBytes}};
  Run run{.options = options, .interrupt = interrupt, .rig = **rig, .report = report};
  const Status done = measure_parts(run, seed);
  run.progress.clear();
  report.is_partial = !done;
  order_rows(options, report);
  return done;
}

Status write_report(const Report& report, const std::string& folder) {
  if (const Status made = host::make_folder(folder); !made) {
    return made;
  }
  const nlohmann::json json = to_json(report);
  for (const auto& [name, text] :
       {std::pair("report.json", json.dump(1) + "\n"),
        {"report.md", to_markdown(report)},
        {"latency.hlog", to_histogram_log(report, static_cast<double>(std::time(nullptr)))}}) {
    if (const Status written = host::replace_file(folder + "/" + name, text); !written) {
      return written;
    }
  }
  return write_page(json, folder);
}

}  // namespace

int run(Options options) {
  const Interrupt interrupt;
  Report report;
  const Status measured = measure(options, interrupt, report);
  // Before anything ran there is nothing to report.
  if (!report.machine.is_null()) {
    if (const Status written = write_report(report, options.out); !written) {
      return refused(written.error().message());
    }
  }
  if (!measured) {
    return refused(
        measured.error().message() +
        (report.machine.is_null() ? "" : fmt::format("; {}/report.json has what was measured", options.out)));
  }
  fmt::print("{}\n{}/report.json, report.md, page.html and latency.hlog written\n", to_markdown(report), options.out);
  int code = 0;
  for (const NotMeasured& cell : report.not_measured) {
    if (!cell.is_missing) {
      code = refused(fmt::format("{} {}: {}", name_of(cell.cell.path), name_of(cell.cell.load), cell.reason));
    }
  }
  return code;
}

}  // namespace fairlead::bench
