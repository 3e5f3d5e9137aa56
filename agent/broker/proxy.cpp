#include "agent/broker/proxy.h"

#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace fairlead::agent_broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstBackoff{100}, kLongestBackoff{5000};
constexpr seconds kHealthyAfter{10};  // having lived so long, the next restart is prompt again
constexpr milliseconds kUntilExitIsTold{200};
constexpr rlim_t kMaxOpenFiles = 1 << 20;
constexpr int kLooksForAnAnswer = 10;

}  // namespace

std::string_view name_of(ProxyState state) {
  constexpr std::array<std::string_view, 5> kNames = {"stopped", "running", "backing-off", "draining", "ending"};
  return kNames[static_cast<size_t>(state)];
}

ProxyCounts& ProxyCounts::operator+=(const ProxyCounts& other) {
  restarts += other.restarts;
  sockets += other.sockets;
  batches += other.batches;
  waits += other.waits;
  return *this;
}

Proxy::Proxy(agent::Loop& loop, Arenas& arenas, const ProxySettings& settings, Subject subject, Owner owner)
    : loop_(loop),
      arenas_(arenas),
      settings_(settings),
      subject_(std::move(subject)),
      owner_(std::move(owner)),
      backoff_(kFirstBackoff) {}

Proxy::~Proxy() {
  if (arena_ != 0) {
    arenas_.end(arena_);
  }
}

void Proxy::start() {
  wanted_ = true;
  if (state_ == ProxyState::kStopped) {
    launch();
  } else if (state_ == ProxyState::kDraining) {
    // Listeners given to a draining proxy call it back. Should it be ending this very moment, on_exit starts a new one.
    state_ = ProxyState::kRunning;
    for (const auto& worker : workers_) {
      for (const auto& [id, listener] : listeners_) {
        if (worker->hello) {
          send_listener(*worker, listener);
        }
      }
    }
  }
}

void Proxy::adopt(Survivor survivor) {
  auto arena = survivor.arena ? arenas_.adopt(survivor.arena.get()) : fail("none");
  if (!arena) {
    log::warn("proxy {}: telemetry of process {}: {}", subject_.name, survivor.pid, arena.error().message());
  }
  arena_ = arena.value_or(0);
  has_successor_ = !survivor.is_current;
  state_ = ProxyState::kRunning;
  started_ = agent::Loop::Clock::now();
  adopted_ = std::chrono::system_clock::now();
  process_ = Process::adopt(loop_, survivor.pid, std::move(survivor.pidfd), [this](int status) { on_exit(status); });
  for (workload::Listener& listener : survivor.listeners) {
    listeners_.emplace(listener.id, std::move(listener));
  }
  for (uint32_t i = 0; i < survivor.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->judges = true;
    if (!has_successor_) {
      expect_answer(*workers_.back(), "a worker that comes to its new agent");
    }
  }
  log::info("proxy {} adopted, pid {}{}", subject_.name, pid(),
            has_successor_ ? ": it is another program, and drains when its successor serves" : "");
}

bool Proxy::attach(Fd socket) {
  const auto absent = std::ranges::find_if(workers_, [](const auto& worker) { return worker->channel == nullptr; });
  if (absent == workers_.end()) {
    return false;
  }
  open_channel(**absent, std::move(socket));
  return true;
}

void Proxy::open_channel(Worker& worker, Fd socket) {
  worker.channel = std::make_unique<Channel>(
      loop_, std::move(socket),
      Channel::Handlers{.on_message = [this, &worker](const broker::Message& message) { on_message(worker, message); },
                        .on_broken =
                            [this, &worker](const std::string& why) {
                              // Mostly the first sign of the process's end, which is about to be told with its exit
                              // code.
                              worker.answer = loop_.after(kUntilExitIsTold, [this, &worker, why] {
                                if (has_successor_) {
                                  // Another build may speak another language, and has connections to end well.
                                  log::info("proxy {} (pid {}): {}", subject_.name, pid(), why);
                                  worker.channel.reset();
                                  worker.hello = false;
                                } else {
                                  give_up(why);
                                }
                              });
                            }});
}

void Proxy::launch() {
  if (const Status launched = try_launch(); !launched) {
    log::error("proxy {}: {}", subject_.name, launched.error().message());
    workers_.clear();
    state_ = ProxyState::kBackingOff;
    timer_ = loop_.after(backoff_, [this] { launch(); });
    backoff_ = std::min(backoff_ * 2, kLongestBackoff);
    return;
  }
  state_ = ProxyState::kRunning;
  started_ = agent::Loop::Clock::now();
  log::info("proxy {} started, pid {}", subject_.name, pid());
}

Status Proxy::try_launch() {
  auto arena = arenas_.open(settings_.workers);
  if (!arena) {
    return fail(arena.error(), "telemetry");
  }
  std::vector<Fd> proxy_ends;
  Launch launch{.executable = settings_.executable,
                .directory = settings_.directory,
                .uid = settings_.uid,
                .gid = settings_.gid,
                .max_open_files = kMaxOpenFiles};
  std::string channels;
  for (uint32_t i = 0; i < settings_.workers; ++i) {
    std::array<int, 2> ends;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      arenas_.end(arena->id);
      return fail_sys("socketpair");
    }
    proxy_ends.emplace_back(ends[1]);
    launch.fds.push_back(ends[1]);
    channels += fmt::format("{}{}", i == 0 ? "" : ",", 3 + i);
    workers_.push_back(std::make_unique<Worker>());
    open_channel(*workers_.back(), Fd(ends[0]));
  }
  launch.fds.push_back(arena->fd.get());
  launch.arguments = {"--channels",  channels,           "--telemetry", std::to_string(3 + settings_.workers),
                      "--name",      subject_.name,      "--mode",      is_sidecar() ? "sidecar" : "node",
                      "--log-level", settings_.log_level};
  launch.netns_fd = subject_.netns_fd.get();
  auto started = Process::start(loop_, launch, [this](int status) { on_exit(status); });
  if (!started) {
    arenas_.end(arena->id);
    return std::unexpected(started.error());
  }
  process_ = std::move(*started);
  arena_ = arena->id;
  for (const auto& worker : workers_) {
    expect_answer(*worker, "a greeting");
  }
  return {};
}

void Proxy::on_exit(int wait_status) {
  const bool wanted = state_ == ProxyState::kRunning && !has_successor_;
  if (wanted) {
    log::warn("proxy {} (pid {}) ended: {}", subject_.name, pid(), describe_exit(wait_status));
  } else {
    log::info("proxy {} (pid {}) ended: {}", subject_.name, pid(), describe_exit(wait_status));
  }
  forget_process();
  if (!wanted) {
    timer_.reset();
    state_ = ProxyState::kStopped;
    owner_.progress();
    return;
  }
  if (agent::Loop::Clock::now() - started_ > kHealthyAfter) {
    backoff_ = kFirstBackoff;
  }
  ++counts_.restarts;
  state_ = ProxyState::kBackingOff;
  timer_ = loop_.after(backoff_, [this] { launch(); });
  backoff_ = std::min(backoff_ * 2, kLongestBackoff);
  owner_.progress();
}

void Proxy::forget_process() {
  workers_.clear();
  process_.reset();
  arenas_.end(std::exchange(arena_, 0));
  adopted_.reset();
  gone_.clear();
}

void Proxy::give_up(const std::string& why) {
  if (process_ && state_ != ProxyState::kEnding) {
    log::warn("proxy {} (pid {}) is killed: {}", subject_.name, pid(), why);
  }
  if (process_) {
    process_->signal(SIGKILL);
  }
}

void Proxy::expect_answer(Worker& worker, const char* what) { look_for_answer(worker, what, kLooksForAnAnswer); }

void Proxy::look_for_answer(Worker& worker, const char* what, int looks) {
  worker.answer = loop_.after(settings_.answer_within / kLooksForAnAnswer, [this, &worker, what, looks] {
    if (looks > 1) {
      look_for_answer(worker, what, looks - 1);
    } else {
      give_up(fmt::format("no sign of {} for {} ms", what, settings_.answer_within.count()));
    }
  });
}

void Proxy::drain() {
  wanted_ = false;
  if (state_ == ProxyState::kBackingOff) {
    timer_.reset();
    state_ = ProxyState::kStopped;
  }
  if (state_ != ProxyState::kRunning) {
    return;
  }
  state_ = ProxyState::kDraining;
  const auto is_here = [](const auto& worker) { return worker->channel != nullptr; };
  if (workers_.empty() || !std::ranges::all_of(workers_, is_here)) {
    process_->signal(SIGUSR1);  // a word that every build understands
  }
  for (const auto& worker : workers_) {
    if (is_here(worker)) {
      send_drain(*worker);
    }
  }
}

void Proxy::end(std::chrono::milliseconds patience) {
  if (!process_) {
    timer_.reset();
    state_ = ProxyState::kStopped;
    return;
  }
  state_ = ProxyState::kEnding;
  process_->signal(SIGTERM);
  timer_ = loop_.after(patience, [this] { give_up("it does not end"); });
}

}  // namespace fairlead::agent_broker
