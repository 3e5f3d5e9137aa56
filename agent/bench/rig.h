// Everything that a run needs, put together: stage, server, agent, stock proxies. Measures one cell at a time and
// refuses a figure whose path is not shown. Main thread only.
#pragma once

#include "agent/bench/ladder.h"
#include "agent/bench/load/generator.h"
#include "agent/bench/load/running.h"
#include "agent/bench/load/slice.h"
#include "agent/bench/mesh.h"
#include "agent/bench/paths.h"
#include "agent/bench/servers.h"
#include "agent/bench/stage.h"
#include "agent/bench/stock/running.h"
#include "agent/bench/usage.h"
#include "userspace-proxy/base/error.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::bench {

struct Measurement {
  Sample sample;
  std::map<std::string, Usage> used;  // by "client", "server", "agent", "node-proxy", ...
  double softirq_us = 0;              // of the CPUs that are measured
};

class Rig {
 public:
  // `paths` says which stock proxies are wanted; every program of theirs is there.
  static Result<std::unique_ptr<Rig>> open(const std::vector<Path>& paths, const std::vector<int>& cpus,
                                           const Interrupt& interrupt);

  // Puts both pods into the path's modes.
  Status enter(Path path);
  // A moment's load that is not measured, after a switch.
  [[nodiscard]] Status settle(Path path) const;
  // Load on the path that was entered last.
  Result<Measurement> measure(const Cell& cell, std::chrono::milliseconds duration);
  // The same, once per cell before anything counts: warms up, notes memory, and counts system calls.
  Status probe(const Cell& cell, std::chrono::milliseconds duration);
  // System calls per request by process, as the cell's probe saw them; empty where the kernel cannot count them.
  [[nodiscard]] std::map<std::string, double> syscalls(const Cell& cell) const;

  // A load on the path that was entered last, of which failures are counted and each request is kept; its connections
  // are renewed now and then, so that new ones are seen to go where a change sends them.
  [[nodiscard]] Result<RunningLoad> watch(Path path, unsigned rate, std::chrono::milliseconds duration) const;
  // An open loop that may be more than the path can carry.
  [[nodiscard]] Result<Step> offer(const Cell& cell, std::chrono::milliseconds duration) const;
  // Connections on the path that was entered last; each rests after a request.
  [[nodiscard]] Result<RunningLoad> hold(Path path, unsigned connections, Clock::time_point began = Clock::now()) const;
  // The same over the kernel path, at a port of the server's pod that no service has.
  [[nodiscard]] Result<RunningLoad> hold_at_rest_port(unsigned connections) const;
  // The proxies that an HTTP request passes on that path, now.
  [[nodiscard]] std::vector<pid_t> proxies_of(Path path) const;
  [[nodiscard]] Mesh& mesh() { return *mesh_; }
  [[nodiscard]] Stage& stage() { return *stage_; }

  // Memory of the mesh's processes now, and the most that a probe has seen, by name.
  [[nodiscard]] std::map<std::string, Memory> memory() const;
  [[nodiscard]] const std::map<std::string, Memory>& memory_under_load() const { return under_load_; }
  [[nodiscard]] const std::string& agent_version() const { return mesh_->version(); }

 private:
  Rig(const Interrupt& interrupt, std::vector<int> cpus) : interrupt_(interrupt), cpus_(std::move(cpus)) {}
  Status start_parts(const std::vector<Path>& paths);
  [[nodiscard]] HttpPlan plan_for(const Cell& cell, std::chrono::milliseconds duration) const;
  [[nodiscard]] Result<Sample> send(const Cell& cell, Slice slice) const;
  // What uses CPU for a cell, besides the client.
  [[nodiscard]] std::map<std::string, pid_t> processes_for(const Cell& cell) const;
  [[nodiscard]] const StockPath* stock(Path path) const;
  // What stands between the pods on a path that is not the mesh's, by the names of a report.
  [[nodiscard]] std::map<std::string, pid_t> others_on(Path path) const;
  Status leave_stock();
  // Once two readings are equal: proxies account for what was under way when a client went a moment later.
  [[nodiscard]] Result<Counters> steady_counters() const;
  // What the evidence of a slice is measured against.
  struct Start {
    Counters counters;
    int64_t unix_ns = 0;
  };
  [[nodiscard]] Result<Start> start_of_slice() const;
  Status check(const Cell& cell, const Start& start, uint64_t requests) const;
  void note_memory();

  // Taken down in the opposite order: the stage goes last.
  const Interrupt& interrupt_;
  std::vector<int> cpus_;
  std::unique_ptr<Stage> stage_;
  std::unique_ptr<Process> server_, echo_, relay_;
  std::unique_ptr<Mesh> mesh_;
  std::map<Path, StockPath> stock_;
  std::map<std::string, pid_t> mesh_processes_;
  std::map<std::string, Memory> under_load_;
  std::map<std::string, std::map<std::string, double>> syscalls_;  // by the cell's names
  std::string script_;
};

}  // namespace fairlead::bench
