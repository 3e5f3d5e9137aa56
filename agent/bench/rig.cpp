#include "agent/bench/rig.h"

#include "agent/bench/evidence.h"
#include "agent/bench/load/holder.h"
#include "agent/bench/load/relay.h"
#include "agent/bench/load/tcp.h"
#include "agent/bench/load/wrk.h"
#include "agent/bench/syscall_count.h"
#include "agent/host/file.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::bench {
namespace {

constexpr uint16_t kRelayPort = 15105;             // in the client's pod
constexpr std::chrono::milliseconds kSettle(100);  // of load after a switch
// A slice without an answer is tried again twice as long, up to this: on a machine that is busy with other things the
// first answer may take longer than a slice.
constexpr std::chrono::seconds kLongest(10);
constexpr std::chrono::seconds kCountsPatience(2);  // for counts of what was under way when the client went

int64_t unix_ns_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string names_of(const Cell& cell) { return fmt::format("{} {}", name_of(cell.path), name_of(cell.load)); }

}  // namespace

Result<std::unique_ptr<Rig>> Rig::open(const std::vector<Path>& paths, const std::vector<int>& cpus,
                                       const Interrupt& interrupt) {
  std::unique_ptr<Rig> rig(new Rig(interrupt, cpus));
  if (const Status started = rig->start_parts(paths); !started) {
    return std::unexpected(started.error());
  }
  return rig;
}

Status Rig::start_parts(const std::vector<Path>& paths) {
  auto stage = Stage::open(interrupt_);
  if (!stage) {
    return std::unexpected(stage.error());
  }
  stage_ = std::make_unique<Stage>(std::move(*stage));
  script_ = stage_->folder() + "/report.lua";
  if (const Status written = host::replace_file(script_, kWrkScript); !written) {
    return written;
  }
  auto server = start_server(*stage_, cpus_, interrupt_);
  if (!server) {
    return std::unexpected(server.error());
  }
  server_ = std::make_unique<Process>(std::move(*server));
  auto echo = start_tcp_server(kEchoPort, {stage_->server().netns, cpus_});
  if (!echo) {
    return std::unexpected(echo.error());
  }
  echo_ = std::make_unique<Process>(std::move(*echo));
  auto mesh = Mesh::start(*stage_, cpus_, interrupt_);
  if (!mesh) {
    return std::unexpected(mesh.error());
  }
  mesh_ = std::make_unique<Mesh>(std::move(*mesh));
  if (std::ranges::find(paths, Path::kRelay) != paths.end()) {
    auto relay =
        start_relay({stage_->client().netns, kRelayPort, {"127.0.0.1", kHttpPort}}, {stage_->server().netns, cpus_});
    if (!relay) {
      return fail(relay.error(), "relay");
    }
    relay_ = std::make_unique<Process>(std::move(*relay));
  }
  for (const Path path : paths) {
    if (stock_proxy(path) == nullptr) {
      continue;
    }
    auto pair = StockPath::start({path, kHttpPort, cpus_}, *stage_, interrupt_);
    if (!pair) {
      return fail(pair.error(), name_of(path));
    }
    stock_.emplace(path, std::move(*pair));
  }
  return {};
}

Status Rig::leave_stock() {
  for (auto& [path, pair] : stock_) {
    if (const Status left = pair.leave(interrupt_); !left) {
      return left;
    }
  }
  return {};
}

Status Rig::enter(Path path) {
  if (const Status left = leave_stock(); !left) {
    return left;
  }
  if (const Status set = mesh_->set_modes(modes_of(path), interrupt_); !set) {
    return set;
  }
  const auto processes = mesh_->processes();
  if (!processes) {
    return std::unexpected(processes.error());
  }
  mesh_processes_ = *processes;
  const auto pair = stock_.find(path);
  return pair != stock_.end() ? pair->second.enter(interrupt_) : Status();
}

Status Rig::settle(Path path) const {
  const auto sample = send({path, {}}, {.place = {}, .duration = kSettle, .in_the_middle = {}});
  return sample ? Status() : std::unexpected(sample.error());
}

const StockPath* Rig::stock(Path path) const {
  const auto found = stock_.find(path);
  return found != stock_.end() ? &found->second : nullptr;
}

Result<Sample> Rig::send(const Cell& cell, Slice slice) const {
  slice.place = {stage_->client().netns, cpus_};
  const bool is_off = modes_of(cell.path).client == "off";
  const Load& load = cell.load;
  if (load.kind != Load::Kind::kHttp) {
    const auto kind = load.kind == Load::Kind::kTcpStream ? TcpPlan::Kind::kStream : TcpPlan::Kind::kRoundTrip;
    const Endpoint target =
        is_off ? Endpoint{stage_->server().address, kEchoPort} : Endpoint{kTcpService, kServiceEchoPort};
    auto running = start_tcp({kind, target, load.bytes, slice.duration}, slice.place);
    return running ? finish(*running, slice, interrupt_) : std::unexpected(running.error());
  }
  const HttpPlan plan = plan_for(cell, slice.duration);
  if (load.rate == 0 && load.life != Connections::kPerRequest) {
    const std::string url = fmt::format("http://{}:{}{}", plan.target.address, plan.target.port, page_of(load));
    return run_wrk({.script = script_, .url = url, .connections = load.connections}, slice, interrupt_);
  }
  auto running = start_http(plan, slice.place);
  auto sample = running ? finish(*running, slice, interrupt_) : std::unexpected(running.error());
  if (sample && load.rate != 0) {
    if (sample->requests != sample->due) {
      return fail(
          fmt::format("the rate cannot be reached: {} of {} requests were answered", sample->requests, sample->due));
    }
    sample->us_per_request = static_cast<double>(sample->latency->at(0.5)) / 1000;
  }
  return sample;
}

HttpPlan Rig::plan_for(const Cell& cell, std::chrono::milliseconds duration) const {
  const StockPath* pair = stock(cell.path);
  const bool is_off = modes_of(cell.path).client == "off";
  const bool is_per_request = cell.load.life == Connections::kPerRequest;
  const char* const service = is_kernel_path(cell.path) ? kTcpService : kHttpService;
  return {
      .target = pair != nullptr             ? pair->entrance(kHttpPort)
                : cell.path == Path::kRelay ? Endpoint{"127.0.0.1", kRelayPort}
                : is_off                    ? Endpoint{stage_->server().address, kHttpPort}
                                            : Endpoint{service, kServicePort},
      .request = get_request(kAuthority, page_of(cell.load), is_per_request ? AfterAnswer::kClose : AfterAnswer::kKeep),
      .connections = cell.load.connections,
      .rate = static_cast<double>(cell.load.rate),
      .duration = duration,
      .new_connections = is_per_request};
}

Result<RunningLoad> Rig::watch(Path path, unsigned rate, std::chrono::milliseconds duration) const {
  constexpr unsigned kConnections = 16, kRequestsPerConnection = 20;
  HttpPlan plan = plan_for({path, {.connections = kConnections, .rate = rate}}, duration);
  plan.requests_per_connection = kRequestsPerConnection;
  plan.keeps_requests = true;
  return start_http(plan, {stage_->client().netns, cpus_});
}

Result<Step> Rig::offer(const Cell& cell, std::chrono::milliseconds duration) const {
  HttpPlan plan = plan_for(cell, duration);
  plan.patience = std::chrono::milliseconds(500);
  const Place place{stage_->client().netns, cpus_};
  auto running = start_http(plan, place);
  if (!running) {
    return std::unexpected(running.error());
  }
  const auto sample = finish(*running, {.place = place, .duration = duration, .in_the_middle = {}}, interrupt_);
  if (!sample) {
    return std::unexpected(sample.error());
  }
  const double schedule_us = std::chrono::duration<double, std::micro>(duration).count();
  const double spent_us = std::max(schedule_us, sample->elapsed_us);
  return Step{.offered_per_s = cell.load.rate,
              .achieved_per_s = static_cast<double>(sample->requests) * 1e6 / spent_us,
              .unanswered = sample->due - sample->requests,
              .latency = sample->latency};
}

Result<RunningLoad> Rig::hold(Path path, unsigned connections, Clock::time_point began) const {
  const HttpPlan plan = plan_for({path, {.connections = connections}}, {});
  return hold_connections({plan.target, plan.request, connections, began}, {stage_->client().netns, cpus_}, interrupt_);
}

Result<RunningLoad> Rig::hold_at_rest_port(unsigned connections) const {
  const Endpoint target{stage_->server().address, kRestPort};
  const std::string request = get_request(kAuthority, page_of({}), AfterAnswer::kKeep);
  return hold_connections({target, request, connections}, {stage_->client().netns, cpus_}, interrupt_);
}

std::map<std::string, pid_t> Rig::others_on(Path path) const {
  if (path == Path::kRelay) {
    return {{"relay", relay_->pid()}};
  }
  const StockPath* const proxies = stock(path);
  return proxies != nullptr ? proxies->processes() : std::map<std::string, pid_t>();
}

std::vector<pid_t> Rig::proxies_of(Path path) const {
  std::vector<pid_t> found;
  for (const auto& [name, pid] : others_on(path)) {
    found.push_back(pid);
  }
  const Modes modes = modes_of(path);
  const bool passes_node = !is_kernel_path(path) && (modes.client == "node" || modes.server == "node");
  for (const auto& [name, pid] : mesh_processes_) {
    if ((name == "client-sidecar" && modes.client == "sidecar") ||
        (name == "server-sidecar" && modes.server == "sidecar") || (name == "node-proxy" && passes_node)) {
      found.push_back(pid);
    }
  }
  return found;
}

std::map<std::string, pid_t> Rig::processes_for(const Cell& cell) const {
  std::map<std::string, pid_t> found = mesh_processes_;
  found["server"] = cell.load.kind == Load::Kind::kHttp ? server_->pid() : echo_->pid();
  found.merge(others_on(cell.path));
  return found;
}

Result<Counters> Rig::steady_counters() const {
  constexpr std::chrono::milliseconds kBetween(30);
  const Clock::time_point until = Clock::now() + kCountsPatience;
  auto before = mesh_->counters();
  while (before && Clock::now() < until) {
    if (const Status slept = interrupt_.sleep(kBetween); !slept) {
      return std::unexpected(slept.error());
    }
    auto now = mesh_->counters();
    if (!now || *now == *before) {
      return now;
    }
    before = now;
  }
  return before;
}

Result<Rig::Start> Rig::start_of_slice() const {
  const auto counters = steady_counters();
  return counters ? Result<Start>(Start{*counters, unix_ns_now()}) : std::unexpected(counters.error());
}

Status Rig::check(const Cell& cell, const Start& start, uint64_t requests) const {
  const Clock::time_point until = Clock::now() + kCountsPatience;
  while (true) {
    const auto after = mesh_->counters();
    const auto records = mesh_->paths_since(start.unix_ns);
    if (!after || !records) {
      return std::unexpected(after ? records.error() : after.error());
    }
    Status checked = check_counters(cell, *after - start.counters, requests);
    if (checked) {
      checked = check_records(cell, *records);
    }
    if (checked || Clock::now() > until) {
      return checked;
    }
    if (const Status slept = interrupt_.sleep(std::chrono::milliseconds(20)); !slept) {
      return slept;
    }
  }
}

Result<Measurement> Rig::measure(const Cell& cell, std::chrono::milliseconds duration) {
  const StockPath* pair = stock(cell.path);
  const auto before = start_of_slice();
  const auto stock_before = pair != nullptr ? pair->counts(interrupt_) : std::vector<uint64_t>();
  if (!before || !stock_before) {
    return std::unexpected(before ? stock_before.error() : before.error());
  }
  const auto processes = processes_for(cell);
  Measurement measurement;
  std::map<std::string, Usage> before_it;
  for (const auto& [name, pid] : processes) {
    before_it[name] = usage_of(pid);
  }
  const double softirq_before = softirq_us(cpus_);
  const auto sample = send(cell, {.place = {}, .duration = duration, .in_the_middle = {}});
  if (!sample) {
    return std::unexpected(sample.error());
  }
  if (sample->requests == 0) {
    return duration < kLongest ? measure(cell, 2 * duration) : fail("no request was answered");
  }
  measurement.softirq_us = softirq_us(cpus_) - softirq_before;
  for (const auto& [name, pid] : processes) {
    measurement.used[name] = usage_of(pid) - before_it[name];
  }
  measurement.used["client"] = sample->client;
  measurement.sample = *sample;
  Status checked = check(cell, *before, sample->requests);
  if (checked && pair != nullptr) {
    checked = pair->check(*stock_before, sample->requests,
                          cell.load.life == Connections::kKept ? cell.load.connections : sample->requests, interrupt_);
  }
  return checked ? Result<Measurement>(measurement) : std::unexpected(checked.error());
}

Status Rig::probe(const Cell& cell, std::chrono::milliseconds duration) {
  const auto start = start_of_slice();
  if (!start) {
    return std::unexpected(start.error());
  }
  std::map<std::string, SyscallCount> counting;
  for (const auto& [name, pid] : processes_for(cell)) {
    if (auto count = SyscallCount::open(pid)) {
      counting.emplace(name, std::move(*count));
    }
  }
  const auto sample = send(cell, {.place = {}, .duration = duration, .in_the_middle = [this] { note_memory(); }});
  if (!sample) {
    return std::unexpected(sample.error());
  }
  if (sample->requests == 0) {
    return duration < kLongest ? probe(cell, 2 * duration) : fail("no request was answered");
  }
  for (const auto& [name, count] : counting) {
    syscalls_[names_of(cell)][name] = static_cast<double>(count.read()) / static_cast<double>(sample->requests);
  }
  return check(cell, *start, sample->requests);
}

std::map<std::string, double> Rig::syscalls(const Cell& cell) const {
  const auto found = syscalls_.find(names_of(cell));
  return found != syscalls_.end() ? found->second : std::map<std::string, double>();
}

std::map<std::string, Memory> Rig::memory() const {
  std::map<std::string, Memory> found;
  for (const auto& [name, pid] : mesh_processes_) {
    if (const auto memory = memory_of(pid)) {
      found[name] = *memory;
    }
  }
  return found;
}

void Rig::note_memory() {
  for (const auto& [name, now] : memory()) {
    Memory& most = under_load_[name];
    most = {.rss_kib = std::max(most.rss_kib, now.rss_kib), .pss_kib = std::max(most.pss_kib, now.pss_kib)};
  }
}

}  // namespace fairlead::bench
