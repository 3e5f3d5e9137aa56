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
constexpr uint32_t kMaxSocketsAtOnce = 32;
constexpr rlim_t kMaxOpenFiles = 1 << 20;

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
  if (state_ == ProxyState::kStopped) {
    launch();
  } else if (state_ == ProxyState::kDraining) {
    // Listeners given to a draining proxy call it back. Should it be ending this very moment, on_exit starts a new one.
    state_ = ProxyState::kRunning;
    for (const auto& worker : workers_) {
      for (const auto& [id, listener] : listeners_) {
        send_listener(*worker, listener);
      }
    }
  }
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
  Launch launch{
      .executable = settings_.executable, .uid = settings_.uid, .gid = settings_.gid, .max_open_files = kMaxOpenFiles};
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
    auto worker = std::make_unique<Worker>();
    worker->channel = std::make_unique<Channel>(
        loop_, Fd(ends[0]),
        Channel::Handlers{
            .on_message = [this, &worker = *worker](const broker::Message& message) { on_message(worker, message); },
            .on_broken =
                [this, &worker = *worker, i](const std::string& why) {
                  // Mostly the first sign of the process's end, which is about to be told with its exit code.
                  worker.answer =
                      loop_.after(kUntilExitIsTold, [this, i, why] { give_up(fmt::format("worker {}: {}", i, why)); });
                }});
    workers_.push_back(std::move(worker));
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
  const bool wanted = state_ == ProxyState::kRunning;
  if (wanted) {
    log::warn("proxy {} (pid {}) ended: {}", subject_.name, pid(), describe_exit(wait_status));
  } else {
    log::info("proxy {} (pid {}) ended: {}", subject_.name, pid(), describe_exit(wait_status));
  }
  workers_.clear();
  process_.reset();
  arenas_.end(std::exchange(arena_, 0));
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

void Proxy::give_up(const std::string& why) {
  if (process_ && state_ != ProxyState::kEnding) {
    log::warn("proxy {} (pid {}) is killed: {}", subject_.name, pid(), why);
  }
  if (process_) {
    process_->signal(SIGKILL);
  }
}

void Proxy::expect_answer(Worker& worker, const char* what) {
  worker.answer = loop_.after(settings_.answer_within, [this, what] {
    give_up(fmt::format("no sign of {} for {} ms", what, settings_.answer_within.count()));
  });
}

void Proxy::publish(const SnapshotFile& snapshot) {
  snapshot_ = snapshot;
  for (const auto& worker : workers_) {
    if (worker->hello) {
      send_snapshot(*worker);
    }
  }
}

void Proxy::send_snapshot(Worker& worker) {
  if (!snapshot_.fd || worker.sent == snapshot_.generation) {
    return;
  }
  broker::Message message{.type = broker::Type::kSnapshot};
  message.number = snapshot_.generation;
  message.size = snapshot_.size;
  worker.channel->send(message, {snapshot_.fd});
  worker.sent = snapshot_.generation;
  if (worker.first_sent == 0) {
    worker.first_sent = worker.sent;
  }
  if (!worker.answer.active()) {
    expect_answer(worker, "a new configuration being applied");
  }
}

void Proxy::send_listener(Worker& worker, const workload::Listener& listener) {
  broker::Message message{.type = broker::Type::kListener};
  message.number = listener.id;
  message.netns = listener.netns;
  message.role = listener.role;
  message.family = listener.family;
  message.mode = listener.mode;
  worker.channel->send(message, {listener.fd});
}

void Proxy::give(const workload::Listener& listener) {
  if (!listeners_.emplace(listener.id, listener).second || state_ == ProxyState::kDraining) {
    return;
  }
  for (const auto& worker : workers_) {
    if (worker->hello) {
      send_listener(*worker, listener);
    }
  }
}

void Proxy::forget_netns(uint64_t netns) {
  std::set<uint64_t> ids;
  std::erase_if(listeners_,
                [&](const auto& item) { return item.second.netns == netns && ids.insert(item.first).second; });
  for (const auto& worker : workers_) {
    if (!worker->hello) {
      continue;  // it was given nothing yet
    }
    std::set<uint64_t> given = ids;
    for (const uint64_t withdrawn : worker->channel->withdraw(netns)) {
      given.erase(withdrawn);
    }
    for (const uint64_t id : given) {
      worker->closing.insert(id);
      broker::Message message{.type = broker::Type::kListenerGone};
      message.number = id;
      message.netns = netns;
      worker->channel->send(message);
    }
    broker::Message message{.type = broker::Type::kPodGone};
    message.netns = netns;
    worker->channel->send(message);
  }
}

void Proxy::drain() {
  if (state_ == ProxyState::kBackingOff) {
    timer_.reset();
    state_ = ProxyState::kStopped;
  }
  if (state_ != ProxyState::kRunning) {
    return;
  }
  state_ = ProxyState::kDraining;
  for (const auto& worker : workers_) {
    worker->channel->send(broker::Message{.type = broker::Type::kDrain});
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

void Proxy::on_message(Worker& worker, const broker::Message& message) {
  switch (message.type) {
    case broker::Type::kHello:
      on_hello(worker);
      return;
    case broker::Type::kSnapshotApplied:
      // A generation that it was not sent yet is a lie or a mistake, and counts for nothing.
      if (message.number <= worker.sent && message.number > worker.applied) {
        worker.applied = message.number;
      }
      if (worker.applied == worker.sent) {
        worker.answer.reset();
      }
      owner_.progress();
      return;
    case broker::Type::kSnapshotRefused:
      log::error("proxy {} refuses generation {}", subject_.name, message.number);
      worker.refused = message.number;
      worker.answer.reset();
      owner_.progress();
      return;
    case broker::Type::kSocketsWanted:
      on_sockets_wanted(worker, message);
      return;
    case broker::Type::kListenerGoneDone:
      worker.closing.erase(message.number);
      owner_.progress();
      return;
    default:
      give_up(fmt::format("message {} is not a worker's to send", static_cast<uint32_t>(message.type)));
  }
}

void Proxy::on_hello(Worker& worker) {
  if (worker.hello) {
    return;
  }
  worker.hello = true;
  worker.answer.reset();
  send_snapshot(worker);
  for (const auto& [id, listener] : listeners_) {
    send_listener(worker, listener);
  }
  if (state_ == ProxyState::kDraining) {
    worker.channel->send(broker::Message{.type = broker::Type::kDrain});
  }
  owner_.progress();
}

void Proxy::on_sockets_wanted(Worker& worker, const broker::Message& message) {
  const int family = message.family;
  counts_.waits += message.number;
  broker::Message answer{.type = broker::Type::kSockets};
  answer.netns = message.netns;
  answer.family = family;
  Result<std::vector<Fd>> made = family == AF_INET || family == AF_INET6
                                     ? owner_.sockets(message.netns, family, std::min(message.count, kMaxSocketsAtOnce))
                                     : fail("no such address family");
  if (!made || made->empty()) {
    log::debug("proxy {}: no sockets in namespace {}: {}", subject_.name, message.netns,
               made ? "none asked for" : made.error().message());
    answer.type = broker::Type::kSocketsRefused;
    worker.channel->send(answer);
    return;
  }
  SharedFds fds;
  for (Fd& fd : *made) {
    fds.push_back(std::make_shared<const Fd>(std::move(fd)));
  }
  ++counts_.batches;
  counts_.sockets += fds.size();
  answer.count = static_cast<uint32_t>(fds.size());
  worker.channel->send(answer, std::move(fds));
}

uint64_t Proxy::generation() const {
  uint64_t oldest = workers_.empty() ? 0 : UINT64_MAX;
  for (const auto& worker : workers_) {
    oldest = std::min(oldest, worker->applied);
  }
  return oldest;
}

bool Proxy::has_applied(uint64_t generation) const {
  return process_ && !workers_.empty() && std::ranges::all_of(workers_, [&](const auto& worker) {
           return worker->hello && worker->applied >= generation;
         });
}

bool Proxy::judges_by_older_than(uint64_t generation) const {
  return std::ranges::any_of(workers_, [&](const auto& worker) {
    const uint64_t oldest = worker->applied != 0 ? worker->applied : worker->first_sent;
    return oldest != 0 && oldest < generation;
  });
}

bool Proxy::refuses(uint64_t generation) const {
  return std::ranges::any_of(workers_, [&](const auto& worker) { return worker->refused == generation; });
}

bool Proxy::is_closing_listeners() const {
  return std::ranges::any_of(workers_, [](const auto& worker) { return !worker->closing.empty(); });
}

}  // namespace fairlead::agent_broker
