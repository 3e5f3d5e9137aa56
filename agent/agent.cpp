#include "agent/agent.h"

#include "agent/api/config_dump.h"
#include "agent/api/explain.h"
#include "agent/api/metrics.h"
#include "agent/host/capabilities.h"
#include "agent/host/file.h"
#include "agent/host/sweep.h"
#include "agent/host/version.h"
#include "agent/workload/wanted.h"
#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

namespace fairlead::agent {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kProxyPatience{2000};
// What was redirected to an old proxy's listener before the kernel was switched is in its accept queue by then.
constexpr std::chrono::milliseconds kBeforeDrain{500};
constexpr std::chrono::seconds kLongestWait{3600};

// The proxy's program lies beside ours.
Result<std::string> proxy_executable() {
  std::array<char, 4096> path;
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) {
    return fail_sys("/proc/self/exe");
  }
  const std::string own(path.data(), static_cast<size_t>(size));
  std::string proxy = own.substr(0, own.rfind('/')) + "/fairlead-proxy";
  if (access(proxy.c_str(), X_OK) != 0) {
    return fail_sys(proxy);
  }
  return proxy;
}

api::HttpAnswer json_answer(const json& object) {
  return {.content_type = "application/json",
          .body = object.dump(2, ' ', false, json::error_handler_t::replace) + "\n"};
}

const api::HttpAnswer kNotFound{.status = 404, .body = "not found\n"};

}  // namespace

Agent::~Agent() = default;

Status Agent::run() {
  if (Status started = start(); !started) {
    abandon_place();
    return started;
  }
  loop_->run();
  admin_socket_.reset();
  leave_place();
  log::info("ended");
  return {};
}

Status Agent::start() {
  auto loop = Loop::create();
  if (!loop) {
    return std::unexpected(loop.error());
  }
  loop_ = std::move(*loop);
  for (const auto step : {&Agent::claim_place, &Agent::open_kernel, &Agent::open_parts, &Agent::open_endpoints}) {
    if (Status done = (this->*step)(); !done) {
      return done;
    }
  }
  auto signals = signal_fd({SIGTERM, SIGINT});
  if (!signals) {
    return std::unexpected(signals.error());
  }
  signals_ = std::move(*signals);
  signal_watch_ = loop_->watch(signals_.get(), EPOLLIN, [this](uint32_t) {
    signalfd_siginfo signal;
    if (read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
      log::info("signal {}: ending", signal.ssi_signo);
      begin_shutdown();
    }
  });
  facts_.started = std::chrono::system_clock::now();
  reconciler_->on_first_in_force([this] { retire_ = loop_->after(kBeforeDrain, [this] { retire_old_proxies(); }); });
  fleet_->start();
  reconciler_->start();
  log::info("started: {} pods on node {}, admin socket {}", registry_->pods().size(), options_.node_name,
            run_dir_->socket_path());
  return {};
}

void Agent::retire_old_proxies() {
  if (!old_proxies_.empty()) {
    log::info("proxies of the agent before this one drain and end: {}", fmt::join(old_proxies_, ", "));
    cgroup_->signal(old_proxies_, SIGTERM);
  }
}

Status Agent::claim_place() {
  auto claimed = host::RunDir::claim(options_.run_dir, options_.pin_dir);
  if (!claimed) {
    return std::unexpected(claimed.error());
  }
  run_dir_ = std::make_unique<host::RunDir>(std::move(*claimed));
  const auto root = host::find_cgroup2();
  if (!root) {
    return std::unexpected(root.error());
  }
  if (options_.hook_cgroup.empty()) {
    options_.hook_cgroup = *root;
  }
  host::sweep({.cgroup_root = *root}, host::SweepScope::kAbandoned);
  const auto before = host::read_file("/proc/self/cgroup");
  cgroup_before_ = std::make_unique<host::Cgroup>(*root + (before ? host::cgroup2_path_of(*before) : "/"));
  cgroup_ = std::make_unique<host::Cgroup>(fmt::format("{}/{}{}", *root, host::kCgroupPrefix, run_dir_->hash()));
  old_proxies_ = cgroup_->processes();
  if (Status created = cgroup_->create(); !created) {
    return created;
  }
  was_empty_ = old_proxies_.empty() && access(run_dir_->pin_dir().c_str(), F_OK) != 0;
  return cgroup_->add(getpid());
}

Status Agent::open_kernel() {
  facts_.features = kernel::probe_features();
  for (const kernel::Feature& feature : facts_.features) {
    if (!feature.present) {
      return fail(fmt::format("this kernel lacks {}: {}", feature.name, feature.meaning));
    }
  }
  auto datapath = kernel::Datapath::open(
      {.pin_dir = run_dir_->pin_dir(), .hook_cgroup = options_.hook_cgroup, .own_cgroup = cgroup_->directory()});
  if (!datapath) {
    return std::unexpected(datapath.error());
  }
  datapath_ = std::move(*datapath);
  return {};
}

Status Agent::open_parts() {
  const auto proxy = proxy_executable();
  if (!proxy) {
    return std::unexpected(proxy.error());
  }
  auto door = workload::NetnsDoor::open();
  if (!door) {
    return std::unexpected(door.error());
  }
  door_ = std::make_unique<workload::NetnsDoor>(std::move(*door));
  sockets_ = std::make_unique<workload::SocketMaker>(
      *door_, [this](int fd, const fl_tag& tag) { return datapath_->tag(fd, tag); });
  registry_ = std::make_unique<workload::Registry>(*door_, *sockets_);
  auto modes = workload::ModeStore::open(run_dir_->modes_path());
  if (!modes) {
    return std::unexpected(modes.error());
  }
  modes_ = std::make_unique<workload::ModeStore>(std::move(*modes));
  source_ = std::make_unique<source::DirectorySource>(options_.config_dir);
  const agent_broker::ProxySettings settings{.executable = *proxy,
                                             .log_level = options_.log_level,
                                             .workers = options_.proxy_workers,
                                             .uid = options_.proxy_uid,
                                             .gid = options_.proxy_gid};
  fleet_ = std::make_unique<agent_broker::Fleet>(*loop_, settings, *sockets_, *registry_);
  reconciler_ = std::make_unique<Reconciler>(
      Reconciler::Parts{*loop_, *source_, *registry_, *fleet_, *datapath_, *modes_},
      Reconciler::Settings{.node_name = options_.node_name, .default_mode = options_.default_mode});
  return {};
}

Status Agent::open_endpoints() {
  struct Endpoint {
    const char* name;
    const api::ListenAddress& wanted;
    std::unique_ptr<api::HttpEndpoint>& opened;
    api::HttpAnswer (Agent::*answer)(std::string_view) const;
  };
  for (const Endpoint& endpoint :
       {Endpoint{"metrics", options_.metrics, metrics_endpoint_, &Agent::answer_metrics_port},
        Endpoint{"ready", options_.ready, ready_endpoint_, &Agent::answer_ready_port},
        Endpoint{"admin", options_.admin, admin_endpoint_, &Agent::answer_admin_port}}) {
    auto opened = api::HttpEndpoint::open(
        *loop_, endpoint.wanted,
        [this, answer = endpoint.answer](std::string_view path) { return (this->*answer)(path); });
    if (!opened) {
      return fail(opened.error(), fmt::format("{} endpoint", endpoint.name));
    }
    endpoint.opened = std::move(*opened);
    facts_.addresses[endpoint.name] = endpoint.opened->address().text();
  }
  facts_.version = host::version();
  facts_.node_name = options_.node_name;
  facts_.config_dir = host::absolute_path(options_.config_dir);
  facts_.run_dir = run_dir_->path();
  facts_.pin_dir = run_dir_->pin_dir();
  facts_.own_cgroup = cgroup_->directory();
  facts_.hook_cgroup = options_.hook_cgroup;

  flows_ = std::make_unique<api::Flows>(*loop_, fleet_->arenas());
  auto socket = api::AdminSocket::open(*loop_, run_dir_->socket_path());
  if (!socket) {
    return std::unexpected(socket.error());
  }
  admin_socket_ = std::move(*socket);
  add_admin_requests();
  return {};
}

void Agent::add_admin_requests() {
  admin_socket_->on("status", [this](const json&, const api::Answer& answer) { answer.done({{"status", status()}}); });
  admin_socket_->on("metrics", [this](const json&, const api::Answer& answer) { answer.done({{"text", metrics()}}); });
  admin_socket_->on("wait", [this](const json& request, const api::Answer& answer) { answer_wait(request, answer); });
  admin_socket_->on("mode", [this](const json& request, const api::Answer& answer) { answer_mode(request, answer); });
  admin_socket_->on("explain",
                    [this](const json& request, const api::Answer& answer) { answer_explain(request, answer); });
  admin_socket_->on("flows", [this](const json& request, const api::Answer& answer) {
    flows_->answer(request.value("follow", false), answer);
  });
}

void Agent::answer_wait(const json& request, const api::Answer& answer) {
  const std::chrono::milliseconds timeout(request.value("timeout_ms", int64_t{20'000}));
  const auto deadline = WaitBook::Clock::now() + std::clamp<std::chrono::milliseconds>(timeout, {}, kLongestWait);
  reconciler_->wait(deadline, [this, answer](const std::vector<std::string>& missing) {
    json warnings = json::array();
    for (const model::Message& message : reconciler_->messages()) {
      if (message.severity != model::Severity::kInfo) {
        warnings.push_back(message.line());
      }
    }
    answer.done({{"in_force", missing.empty()},
                 {"generation", reconciler_->generation()},
                 {"missing", missing},
                 {"warnings", std::move(warnings)}});
  });
}

// {"target": "pod/shop/client"} shows, with "mode": "node" | "sidecar" | "off" | "default" it sets.
void Agent::answer_mode(const json& request, const api::Answer& answer) {
  const std::string target = request.value("target", "");
  if (!workload::is_mode_target(target)) {
    answer.refuse(fmt::format("\"{}\" is not a target; write pod/NAMESPACE/NAME, ns/NAMESPACE or default", target));
    return;
  }
  if (request.contains("mode")) {
    const std::string text = request.value("mode", "");
    const auto mode = compile::parse_mode(text);
    if (!mode && text != "default") {
      answer.refuse(fmt::format("\"{}\" is not a mode; write node, sidecar, off or default", text));
      return;
    }
    if (Status set = modes_->set(target, mode); !set) {
      answer.refuse(set.error().message());
      return;
    }
    log::info("mode override: {} {}", target, text);
    reconciler_->run_now();
  }
  const auto override = modes_->get(target);
  json pods = json::array();
  for (const auto& [uid, pod] : registry_->pods()) {
    const bool meant = target == "default" || target == "pod/" + uid || uid.starts_with(target.substr(3) + "/");
    if (meant) {
      pods.push_back({{"pod", uid},
                      {"mode", compile::mode_name(workload::from_kernel(pod.mode))},
                      {"wanted_mode", compile::mode_name(workload::from_kernel(pod.wanted_mode))},
                      {"reason", pod.mode_reason}});
    }
  }
  answer.done({{"target", target},
               {"override", override ? json(compile::mode_name(*override)) : json(nullptr)},
               {"pods", std::move(pods)}});
}

void Agent::answer_explain(const json& request, const api::Answer& answer) {
  const auto to = api::parse_host_port(request.value("to", ""));
  const std::string from = request.value("from", "");
  if (!to || !from.starts_with("pod/")) {
    answer.refuse(to ? fmt::format("\"{}\" is not pod/NAMESPACE/NAME", from) : to.error().message());
    return;
  }
  if (reconciler_->snapshot() == nullptr) {
    answer.refuse("no configuration has been compiled yet");
    return;
  }
  const api::ExplainQuery query{.from = from.substr(4),
                                .host = to->first,
                                .port = to->second,
                                .method = request.value("method", "GET"),
                                .path = request.value("path", "/"),
                                .headers = request.value("headers", std::map<std::string, std::string>())};
  auto explained = api::explain(*reconciler_->snapshot(), query);
  if (!explained) {
    answer.refuse(explained.error().message());
    return;
  }
  answer.done({{"explain", std::move(*explained)}});
}

api::ConfigState Agent::config_state() const {
  return {.generation = reconciler_->generation(),
          .kernel_generation = reconciler_->kernel_generation(),
          .missing = reconciler_->missing(),
          .messages = &reconciler_->messages(),
          .snapshot = reconciler_->snapshot().get(),
          .overrides = &modes_->overrides()};
}

json Agent::status() const { return api::status_json(facts_, config_state(), *registry_, *fleet_); }

std::string Agent::metrics() const {
  api::OwnMetrics own{.version = facts_.version,
                      .generation = reconciler_->generation(),
                      .kernel_generation = reconciler_->kernel_generation(),
                      .rejected_objects = 0,
                      .proxy_restarts = fleet_->restarts(),
                      .pods = {{"node", 0}, {"sidecar", 0}, {"off", 0}},
                      .kernel = datapath_->counters()};
  std::set<std::string> rejected;
  for (const model::Message& message : reconciler_->messages()) {
    if (message.severity == model::Severity::kError) {
      rejected.insert(message.origin.file + " " + message.object);
    }
  }
  own.rejected_objects = rejected.size();
  for (const auto& [uid, pod] : registry_->pods()) {
    ++own.pods[std::string(compile::mode_name(workload::from_kernel(pod.mode)))];
  }
  return api::metrics_text(fleet_->arenas().sum(), own);
}

// Something is in force, and the node proxy answers for it.
bool Agent::is_ready() const {
  const auto& proxies = fleet_->proxies();
  return !ending_ && reconciler_->kernel_generation() != 0 && !proxies.empty() && proxies.front()->has_applied(1);
}

api::HttpAnswer Agent::answer_metrics_port(std::string_view path) const {
  if (path == "/metrics" || path == "/stats/prometheus") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics()};
  }
  if (path == "/health") {
    return {.body = "ok\n"};
  }
  return answer_ready_port(path);
}

api::HttpAnswer Agent::answer_ready_port(std::string_view path) const {
  if (path != "/healthz/ready") {
    return kNotFound;
  }
  return is_ready() ? api::HttpAnswer{.body = "ready\n"} : api::HttpAnswer{.status = 503, .body = "not ready\n"};
}

api::HttpAnswer Agent::answer_admin_port(std::string_view path) const {
  if (path == "/status") {
    return json_answer(status());
  }
  if (path == "/workloads") {
    return json_answer(api::pods_json(config_state(), *registry_));
  }
  if (path == "/config_dump") {
    return json_answer(api::config_dump_json(reconciler_->compiled_bytes()));
  }
  return kNotFound;
}

void Agent::begin_shutdown() {
  if (std::exchange(ending_, true)) {
    loop_->stop();  // a second signal: no more patience
    return;
  }
  reconciler_->stop();
  if (!options_.keep_kernel_state) {
    if (const Status removed = datapath_->remove(); !removed) {
      log::error("the kernel's side is not taken away: {}", removed.error().message());
    }
  }
  fleet_->end_all(kProxyPatience, [this] { loop_->stop(); });
}

void Agent::abandon_place() {
  admin_socket_.reset();
  if (was_empty_) {
    if (datapath_) {
      [[maybe_unused]] const Status removed = datapath_->remove();
    }
    leave_place();
  } else if (cgroup_before_) {
    [[maybe_unused]] const Status moved = cgroup_before_->add(getpid());
  }
}

void Agent::leave_place() {
  if (cgroup_ && cgroup_->exists() && std::ranges::count(cgroup_->processes(), getpid()) != 0) {
    if (const Status moved = cgroup_before_->add(getpid()); !moved) {
      log::warn("cannot go back to the cgroup before: {}", moved.error().message());
      return;
    }
    cgroup_->kill_all();
    if (!options_.keep_kernel_state) {
      if (const Status removed = cgroup_->remove(); !removed) {
        log::warn("{}", removed.error().message());
      }
    }
  }
  if (run_dir_ && !options_.keep_kernel_state) {
    run_dir_->forget();
  }
}

}  // namespace fairlead::agent
