#include "agent/bench/bench.h"

#include "agent/bench/machine.h"
#include "agent/bench/render.h"
#include "agent/bench/report.h"
#include "agent/bench/rig.h"
#include "agent/host/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <random>

namespace fairlead::bench {
namespace {

// One line that is overwritten on a terminal; elsewhere a line per round.
class Progress {
 public:
  explicit Progress(size_t steps) : steps_(steps) {}
  void step(const std::string& what) {
    const double spent = std::chrono::duration<double>(Clock::now() - start_).count();
    const auto left = done_ == 0 ? 0.0 : spent / static_cast<double>(done_) * static_cast<double>(steps_ - done_);
    ++done_;
    if (is_terminal_) {
      fmt::print(stderr, "\r\033[K[{}/{}] {}, {:.0f} s left", done_, steps_, what, left);
      std::fflush(stderr);
    }
  }
  void line(const std::string& what) const { fmt::print(stderr, "{}{}\n", is_terminal_ ? "\r\033[K" : "", what); }
  void clear() const {
    if (is_terminal_) {
      fmt::print(stderr, "\r\033[K");
    }
  }

 private:
  size_t steps_, done_ = 0;
  bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  Clock::time_point start_ = Clock::now();
};

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

class Run {
 public:
  Run(Options options, const Interrupt& interrupt) : options_(std::move(options)), interrupt_(interrupt) {}

  Status measure() {
    if (const Status ready = prepare(); !ready) {
      return ready;
    }
    auto rig = Rig::open(options_.paths, cpus_, interrupt_);
    if (!rig) {
      return std::unexpected(rig.error());
    }
    rig_ = std::move(*rig);
    report_.machine = describe_machine(cpus_, rig_->agent_version());
    describe_method();
    Progress progress(order(0).size() * (options_.rounds + 1));
    for (const auto& stage : {&Run::note_idle_memory, &Run::probe_all, &Run::measure_rounds}) {
      if (const Status done = (this->*stage)(progress); !done) {
        progress.clear();
        return done;
      }
    }
    progress.clear();
    report_.under_load = rig_->memory_under_load();
    order_rows();
    rig_.reset();
    return {};
  }

  [[nodiscard]] const Report& report() const { return report_; }

 private:
  // What has to be there; what need not is named in the report.
  Status prepare() {
    for (const char* program : {"wrk", "nginx", "ip"}) {
      if (find_program(program).empty()) {
        return fail(fmt::format("{} is not installed; the bench needs it (scripts/setup test installs it)", program));
      }
    }
    if (geteuid() != 0) {
      return fail("makes network namespaces and starts an agent: run it as root");
    }
    const size_t wanted = options_.placement == Placement::kOneCore ? 1 : 2;
    cpus_ = usable_cpus();
    if (cpus_.size() < wanted) {
      return fail(fmt::format("{} CPUs wanted, {} usable", wanted, cpus_.size()));
    }
    // The last ones: the first CPU gets most of the machine's interrupts.
    const auto others = cpus_.end() - static_cast<ptrdiff_t>(wanted);
    keep_to(std::vector<int>(cpus_.begin(), others));
    cpus_.erase(cpus_.begin(), others);
    report_.placement = wanted == 1 ? "one-core" : "two-cores";
    if (std::ranges::find(options_.paths, Path::kDirect) == options_.paths.end()) {
      options_.paths.insert(options_.paths.begin(), Path::kDirect);
    }
    for (const auto& [path, program] : {std::pair(Path::kHaproxyPair, "haproxy")}) {
      if (std::erase(options_.paths, path) != 0) {
        if (!find_program(program).empty()) {
          options_.paths.push_back(path);
        } else {
          drop(path, fmt::format("{} is not installed", program));
        }
      }
    }
    return {};
  }

  void drop(Path path, const std::string& reason) {
    for (const Load& load : options_.loads) {
      if (carries(path, load)) {
        report_.not_measured.push_back({{path, load}, reason, /*is_missing=*/true});
      }
    }
  }

  void describe_method() {
    report_.method = {{"command_line", options_.command_line},
                      {"rounds", options_.rounds},
                      {"duration_ms", options_.duration.count()},
                      {"seed", seed_},
                      {"loop", "closed"},
                      {"body_bytes", kBodyBytes}};
  }

  // The cells of a round that have not failed.
  [[nodiscard]] std::vector<Cell> order(unsigned round) const {
    std::vector<Cell> cells = order_of_round(options_.paths, options_.loads, seed_ + round);
    std::erase_if(cells, [&](const Cell& cell) { return has_failed(cell); });
    return cells;
  }

  [[nodiscard]] bool has_failed(const Cell& cell) const {
    return std::ranges::any_of(report_.not_measured, [&](const NotMeasured& other) { return other.cell == cell; });
  }

  // Marks a cell as failed and takes its figures away. An error if no ratio can be had without it.
  Status failed(const Cell& cell, const Error& error) {
    // A signal is no property of a cell.
    if (const Status uninterrupted = interrupt_.sleep({}); !uninterrupted) {
      return uninterrupted;
    }
    if (cell.path == Path::kDirect) {
      return fail(error, fmt::format("{} {}", name_of(cell.path), name_of(cell.load)));
    }
    report_.not_measured.push_back({cell, error.message(), /*is_missing=*/false});
    std::erase_if(report_.rows, [&](const Row& row) { return row.cell == cell; });
    return {};
  }

  // Enters the path of each cell in turn where it changes, and calls `measure`.
  template <class Measure>
  Status for_each(const std::vector<Cell>& cells, Measure measure) {
    std::optional<Path> entered;
    std::optional<Error> not_entered;
    for (const Cell& cell : cells) {
      if (entered != cell.path) {
        const Status modes = rig_->enter(cell.path), in = modes ? rig_->settle(cell.path) : modes;
        not_entered = in ? std::nullopt : std::optional(in.error());
        entered = cell.path;
      }
      const Status done = not_entered ? std::unexpected(*not_entered) : measure(cell);
      if (!done) {
        if (const Status noted = failed(cell, done.error()); !noted) {
          return noted;
        }
      }
    }
    return {};
  }

  // Before anything has run: the two pods, and whatever processes the wanted paths need.
  Status note_idle_memory(Progress& progress) {
    constexpr std::chrono::milliseconds kRest(500);
    progress.line("idle memory");
    for (const Path path : {Path::kSidecarPair, Path::kNodeHttp, Path::kNodeKernel}) {
      if (std::ranges::find(options_.paths, path) == options_.paths.end()) {
        continue;
      }
      if (const Status entered = rig_->enter(path); !entered) {
        return failed({path, options_.loads.front()}, entered.error());
      }
      if (const Status rested = interrupt_.sleep(kRest); !rested) {
        return rested;
      }
      for (const auto& [name, memory] : rig_->memory()) {
        report_.idle.emplace(name, memory);
      }
    }
    return {};
  }

  Status probe_all(Progress& progress) {
    progress.line("warming up, and looking which way each path goes");
    return for_each(order(0), [&](const Cell& cell) -> Status {
      progress.step(fmt::format("probe {} {}", name_of(cell.path), name_of(cell.load)));
      return rig_->probe(cell, options_.duration);
    });
  }

  Status measure_rounds(Progress& progress) {
    for (unsigned number = 1; number <= options_.rounds; ++number) {
      progress.line(fmt::format("round {} of {}", number, options_.rounds));
      std::vector<std::pair<Cell, Measurement>> round;
      const Status done = for_each(order(number), [&](const Cell& cell) -> Status {
        progress.step(fmt::format("{} {}", name_of(cell.path), name_of(cell.load)));
        auto measured = rig_->measure(cell, options_.duration);
        if (!measured) {
          return std::unexpected(measured.error());
        }
        round.emplace_back(cell, std::move(*measured));
        return {};
      });
      if (!done) {
        return done;
      }
      add(round);
    }
    return {};
  }

  void add(const std::vector<std::pair<Cell, Measurement>>& round) {
    for (const auto& [cell, measured] : round) {
      const auto direct =
          std::ranges::find_if(round, [&](const auto& other) { return other.first == Cell{Path::kDirect, cell.load}; });
      auto row = std::ranges::find_if(report_.rows, [&](const Row& other) { return other.cell == cell; });
      if (row == report_.rows.end()) {
        row = report_.rows.insert(row, Row{cell, {}});
      }
      row->rounds.push_back({.us_per_request = measured.sample.us_per_request,
                             .direct_us = direct->second.sample.us_per_request,
                             .requests = measured.sample.requests,
                             .p50_us = measured.sample.p50_us,
                             .p99_us = measured.sample.p99_us,
                             .cpu_us_per_request = measured.cpu_us_per_request});
    }
  }

  // By load as they were given, then by path.
  void order_rows() {
    const auto place = [&](const Row& row) {
      return std::pair(std::ranges::find(options_.loads, row.cell.load) - options_.loads.begin(), row.cell.path);
    };
    std::ranges::sort(report_.rows, [&](const Row& a, const Row& b) { return place(a) < place(b); });
  }

  Options options_;
  const Interrupt& interrupt_;
  std::vector<int> cpus_;
  uint64_t seed_ = std::random_device()();
  std::unique_ptr<Rig> rig_;
  Report report_;
};

Status write_report(const Report& report, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fail_sys(folder, error.value());
  }
  const nlohmann::json json = to_json(report);
  if (const Status written = host::replace_file(folder + "/report.json", json.dump(1) + "\n"); !written) {
    return written;
  }
  const Status markdown = host::replace_file(folder + "/report.md", to_markdown(report));
  return markdown ? write_page(json, folder) : markdown;
}

}  // namespace

int run(Options options) {
  const std::string out = options.out;
  const Interrupt interrupt;
  Report report;
  {
    Run measuring(std::move(options), interrupt);
    if (const Status measured = measuring.measure(); !measured) {
      return refused(measured.error().message());
    }
    report = measuring.report();
  }
  if (const Status written = write_report(report, out); !written) {
    return refused(written.error().message());
  }
  fmt::print("{}\n{}/report.json, report.md and page.html written\n", to_markdown(report), out);
  int code = 0;
  for (const NotMeasured& cell : report.not_measured) {
    if (!cell.is_missing) {
      code = refused(fmt::format("{} {}: {}", name_of(cell.cell.path), name_of(cell.cell.load), cell.reason));
    }
  }
  return code;
}

}  // namespace fairlead::bench
