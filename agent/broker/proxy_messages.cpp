// What agent and workers say to each other, and what the agent knows by it.
#include "agent/broker/proxy.h"
#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

namespace fairlead::agent_broker {
namespace {

constexpr uint32_t kMaxSocketsAtOnce = 32;

}  // namespace

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
      if (worker->judges) {
        gone_.insert(netns);
      }
      continue;  // another was given nothing yet
    }
    std::set<uint64_t> given = ids;
    for (const uint64_t withdrawn : worker->channel->withdraw(netns)) {
      given.erase(withdrawn);
    }
    for (const uint64_t id : given) {
      send_listener_gone(*worker, {.id = id, .netns = netns, .address = {}, .fd = nullptr});
    }
    broker::Message message{.type = broker::Type::kPodGone};
    message.netns = netns;
    worker->channel->send(message);
  }
}

void Proxy::send_listener_gone(Worker& worker, const workload::Listener& listener) {
  worker.closing.insert(listener.id);
  broker::Message message{.type = broker::Type::kListenerGone};
  message.number = listener.id;
  message.netns = listener.netns;
  worker.channel->send(message);
}

void Proxy::send_drain(Worker& worker) {
  if (has_successor_) {  // which accepts from the same listeners
    for (const auto& [id, listener] : listeners_) {
      send_listener_gone(worker, listener);
    }
  }
  worker.channel->send(broker::Message{.type = broker::Type::kDrain});
}

bool Proxy::has_all_workers() const {
  return std::ranges::all_of(workers_, [](const auto& worker) { return worker->hello; });
}

// What nobody waits for: it may be of a build that speaks another language, and accepts nothing new.
bool Proxy::is_absent(const Worker& worker) const {
  return worker.channel == nullptr && has_successor_ && state_ == ProxyState::kDraining;
}

void Proxy::on_message(Worker& worker, const broker::Message& message) {
  switch (message.type) {
    case broker::Type::kHello:
      on_hello(worker, message);
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

void Proxy::on_hello(Worker& worker, const broker::Message& message) {
  if (worker.hello) {
    return;
  }
  worker.hello = true;
  worker.answer.reset();
  for (const uint64_t netns : gone_) {
    broker::Message gone{.type = broker::Type::kPodGone};
    gone.netns = netns;
    worker.channel->send(gone);
  }
  send_snapshot(worker);
  // Listeners would call it back.
  const bool drains = message.count != 0 && !wanted_;
  if (drains && state_ == ProxyState::kRunning) {
    state_ = ProxyState::kDraining;
  }
  if (state_ == ProxyState::kDraining) {
    send_drain(worker);
  } else if (!has_successor_) {
    for (const auto& [id, listener] : listeners_) {
      send_listener(worker, listener);
    }
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
           return is_absent(*worker) || (worker->hello && worker->applied >= generation);
         });
}

bool Proxy::judges_by_older_than(uint64_t generation) const {
  return std::ranges::any_of(workers_, [&](const auto& worker) {
    const uint64_t oldest = worker->applied != 0 ? worker->applied : worker->first_sent;
    return (oldest != 0 && oldest < generation) || (worker->judges && worker->applied == 0 && !is_absent(*worker));
  });
}

bool Proxy::refuses(uint64_t generation) const {
  return std::ranges::any_of(workers_, [&](const auto& worker) { return worker->refused == generation; });
}

bool Proxy::is_closing_listeners() const {
  return std::ranges::any_of(workers_, [](const auto& worker) { return !worker->closing.empty(); });
}

}  // namespace fairlead::agent_broker
