#include "agent/agent.h"

#include "agent/host/file.h"
#include "agent/host/sweep.h"
#include "agent/host/version.h"
#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace fairlead::agent {
namespace {

constexpr std::chrono::milliseconds kProxyPatience{2000};
// What was redirected to a stranger's listener before the kernel was switched is in its accept queue by then.
constexpr std::chrono::milliseconds kBeforeEnd{500};

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

}  // namespace

Agent::~Agent() = default;

Status Agent::run() {
  if (Status started = start(); !started) {
    abandon_place();
    return started;
  }
  loop_->run();
  front_.reset();
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
  for (const auto step :
       {&Agent::claim_place, &Agent::open_kernel, &Agent::open_parts, &Agent::open_front, &Agent::adopt_proxies}) {
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
  reconciler_->on_first_in_force([this] { retire_ = loop_->after(kBeforeEnd, [this] { end_strangers(); }); });
  reconciler_->start();
  log::info("started: {} pods on node {}, admin socket {}", registry_->pods().size(), options_.node_name,
            run_dir_->socket_path());
  return {};
}

// Last of all that can fail: from here on the proxies are ours.
Status Agent::adopt_proxies() {
  auto survivors = agent_broker::find_survivors({.cgroup = *cgroup_,
                                                 .door = *door_,
                                                 .tag_of = [this](int fd) { return datapath_->tag_of(fd); },
                                                 .executable = proxy_program_,
                                                 .uid = options_.proxy_uid});
  std::vector<workload::Listener> listeners;
  for (const agent_broker::Survivor& survivor : survivors) {
    std::ranges::copy(survivor.listeners, std::back_inserter(listeners));
    std::erase(strangers_, survivor.pid);
  }
  registry_->expect(std::move(listeners));
  auto socket =
      agent_broker::BrokerSocket::open(*loop_, run_dir_->broker_directory(), options_.proxy_gid,
                                       [this](pid_t pid, Fd fd) { return fleet_->attach(pid, std::move(fd)); });
  if (!socket) {
    return std::unexpected(socket.error());
  }
  broker_socket_ = std::move(*socket);
  fleet_->start(std::move(survivors));
  return {};
}

// What is in our cgroup and cannot be adopted: a proxy that holds nothing, or of a system that forbids to look at it.
void Agent::end_strangers() {
  const std::vector<pid_t> there = cgroup_->processes();
  std::erase_if(strangers_, [&](pid_t pid) { return std::ranges::count(there, pid) == 0; });
  if (!strangers_.empty()) {
    log::info("left by the agent before this one, and ended: {}", fmt::join(strangers_, ", "));
    cgroup_->signal(strangers_, SIGTERM);
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
  strangers_ = cgroup_->processes();
  if (Status created = cgroup_->create(); !created) {
    return created;
  }
  was_empty_ = strangers_.empty() && access(run_dir_->pin_dir().c_str(), F_OK) != 0;
  return cgroup_->add(getpid());
}

Status Agent::open_kernel() {
  features_ = kernel::probe_features();
  for (const kernel::Feature& feature : features_) {
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
  auto proxy = proxy_executable();
  if (!proxy) {
    return std::unexpected(proxy.error());
  }
  proxy_program_ = std::move(*proxy);
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
  auto accelerator = Accelerator::open(datapath_->acceleration(), run_dir_->path() + "/acceleration.json");
  if (!accelerator) {
    return std::unexpected(accelerator.error());
  }
  accelerator_ = std::make_unique<Accelerator>(std::move(*accelerator));
  source_ = std::make_unique<source::DirectorySource>(options_.config_dir);
  const agent_broker::ProxySettings settings{.executable = proxy_program_,
                                             .directory = run_dir_->broker_directory(),
                                             .log_level = options_.log_level,
                                             .workers = options_.proxy_workers,
                                             .uid = options_.proxy_uid,
                                             .gid = options_.proxy_gid};
  fleet_ = std::make_unique<agent_broker::Fleet>(*loop_, settings, *sockets_, *registry_);
  flows_ = std::make_unique<flow::KernelFlows>(flow::KernelFlows::Parts{*loop_, *datapath_, *registry_, *door_});
  reconciler_ = std::make_unique<Reconciler>(
      Reconciler::Parts{*loop_, *source_, *registry_, *fleet_, *datapath_, *modes_, *flows_, *accelerator_},
      Reconciler::Settings{.node_name = options_.node_name,
                           .default_mode = options_.default_mode,
                           .acceleration = options_.acceleration});
  return {};
}

Status Agent::open_front() {
  api::AgentFacts facts{.version = std::string(host::version()),
                        .node_name = options_.node_name,
                        .config_dir = host::absolute_path(options_.config_dir),
                        .run_dir = run_dir_->path(),
                        .pin_dir = run_dir_->pin_dir(),
                        .own_cgroup = cgroup_->directory(),
                        .hook_cgroup = options_.hook_cgroup,
                        .addresses = {},
                        .features = features_,
                        .started = std::chrono::system_clock::now()};
  front_ = std::make_unique<Front>(
      Front::Parts{*loop_, *registry_, *fleet_, *datapath_, *modes_, *accelerator_, *reconciler_, *flows_},
      std::move(facts));
  return front_->open({run_dir_->socket_path(), options_.metrics, options_.ready, options_.admin});
}

void Agent::begin_shutdown() {
  if (std::exchange(ending_, true)) {
    loop_->stop();  // a second signal: no more patience
    return;
  }
  front_->announce_end();
  reconciler_->stop();
  if (!options_.keep_kernel_state) {
    if (const Status removed = datapath_->remove(); !removed) {
      log::error("the kernel's side is not taken away: {}", removed.error().message());
    }
  }
  fleet_->end_all(kProxyPatience, [this] { loop_->stop(); });
}

void Agent::abandon_place() {
  front_.reset();
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
