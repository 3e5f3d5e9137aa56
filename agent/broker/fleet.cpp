#include "agent/broker/fleet.h"

#include "userspace-proxy/base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace fairlead::agent_broker {

using workload::LocalPod;

Fleet::Fleet(agent::Loop& loop, const ProxySettings& settings, workload::SocketMaker& sockets,
             workload::Registry& registry)
    : loop_(loop), settings_(settings), sidecar_settings_(settings), sockets_(sockets), registry_(registry) {
  sidecar_settings_.workers = 1;
}

void Fleet::start(std::vector<Survivor> survivors) {
  survivors_ = std::move(survivors);
  if (!survivors_.empty()) {
    time_to_come_ = loop_.after(kTimeToCome, [this] { report_progress(); });
  }
  adopt_survivors(nullptr);
  const bool is_there = !proxies_.empty() && !proxies_.front()->has_successor();
  if (!is_there) {
    add(settings_, subject_of(nullptr));
    std::ranges::rotate(proxies_, proxies_.end() - 1);  // it comes first
  }
  proxies_.front()->start();
}

Proxy::Subject Fleet::subject_of(const LocalPod* pod) {
  if (pod == nullptr) {
    return {.name = "node", .netns = 0, .netns_fd = Fd()};
  }
  return {.name = pod->uid, .netns = pod->cookie, .netns_fd = Fd(fcntl(pod->netns.get(), F_DUPFD_CLOEXEC, 0))};
}

void Fleet::adopt_survivors(const LocalPod* pod) {
  bool is_first = true;
  for (Survivor& survivor : survivors_) {
    if (survivor.netns == (pod == nullptr ? 0 : pod->cookie)) {
      survivor.is_current = std::exchange(is_first, false) && survivor.is_current;
      add(pod == nullptr ? settings_ : sidecar_settings_, subject_of(pod)).adopt(std::move(survivor));
    }
  }
  std::erase_if(survivors_, [](const Survivor& survivor) { return !survivor.pidfd; });
}

void Fleet::end_survivors_without_pod() {
  for (Survivor& survivor : survivors_) {
    Proxy& proxy = add(sidecar_settings_, {.name = fmt::format("of the network namespace {}", survivor.netns),
                                           .netns = survivor.netns,
                                           .netns_fd = std::move(survivor.netns_fd)});
    proxy.adopt(std::move(survivor));
    proxy.end(kPatienceWithoutPod);
  }
  survivors_.clear();
  for (const uint64_t netns : registry_.drop_unclaimed()) {
    for (const auto& proxy : proxies_) {
      proxy->forget_netns(netns);
    }
  }
}

bool Fleet::attach(pid_t pid, Fd socket) {
  const auto found = std::ranges::find(proxies_, pid, [](const auto& proxy) { return proxy->pid(); });
  if (found == proxies_.end() || !(*found)->lives()) {
    return false;
  }
  if (!(*found)->attach(std::move(socket))) {
    log::debug("proxy {} (pid {}): one worker too many", (*found)->name(), pid);
  }
  return true;
}

Proxy& Fleet::add(const ProxySettings& settings, Proxy::Subject subject) {
  const uint64_t own = subject.netns;
  Proxy::Owner owner{
      .progress = [this] { report_progress(); },
      .sockets = [this, own](uint64_t netns, int family,
                             uint32_t count) { return sockets_for(own, registry_.find(netns), family, count); }};
  proxies_.push_back(std::make_unique<Proxy>(loop_, arenas_, settings, std::move(subject), std::move(owner)));
  Proxy& proxy = *proxies_.back();
  if (snapshot_.fd) {
    proxy.publish(snapshot_);
  }
  return proxy;
}

// A proxy gets sockets where it has listeners and nowhere else: the node proxy in pods that were in node mode at some
// time (open connections outlive a switch), a sidecar in its own pod.
Result<std::vector<Fd>> Fleet::sockets_for(uint64_t proxy_netns, LocalPod* pod, int family, uint32_t count) {
  if (pod == nullptr) {
    return fail("no such pod here");
  }
  const bool own = proxy_netns == pod->cookie && pod->has_listeners(FL_MODE_SIDECAR);
  const bool served = proxy_netns == 0 && pod->has_listeners(FL_MODE_NODE);
  if (!own && !served) {
    return fail(fmt::format("pod {} is not served by this proxy", pod->uid));
  }
  return sockets_.upstream(pod->place(), family, count);
}

void Fleet::attend() {
  for (auto& [uid, pod] : registry_.pods()) {
    // The mode that is in force now, and the one that is wanted, which differ while a sidecar is being started.
    for (const fl_mode mode : {pod.mode, pod.wanted_mode}) {
      if (mode == FL_MODE_OFF) {
        continue;
      }
      if (const Status made = registry_.ensure_listeners(pod, mode); !made && pod.problem != pod.logged_problem) {
        pod.logged_problem = pod.problem;
        log::warn("pod {}: {}", uid, pod.problem);
      }
    }
    adopt_survivors(&pod);
    Proxy* sidecar = sidecar_of(pod.cookie);
    if (pod.wanted_mode == FL_MODE_SIDECAR || pod.mode == FL_MODE_SIDECAR) {
      if (sidecar == nullptr) {
        sidecar = &add(sidecar_settings_, subject_of(&pod));
      }
      sidecar->start();
    }
    for (const workload::Listener& listener : pod.listeners) {
      Proxy* proxy = listener.mode == FL_MODE_SIDECAR ? sidecar : proxies_.front().get();
      if (proxy != nullptr) {
        proxy->give(listener);
      }
    }
  }
  end_survivors_without_pod();
}

void Fleet::publish(const SnapshotFile& snapshot) {
  snapshot_ = snapshot;
  for (const auto& proxy : proxies_) {
    proxy->publish(snapshot);
  }
}

void Fleet::forget(const LocalPod& gone) {
  for (const auto& proxy : proxies_) {
    if (proxy->is_sidecar() && proxy->netns() != gone.cookie) {
      continue;
    }
    proxy->forget_netns(gone.cookie);
    if (proxy->is_sidecar()) {
      proxy->end(kPatienceWithoutPod);  // it lives in that namespace itself
    }
  }
  report_progress();
}

void Fleet::retire_sidecars() {
  const bool any = std::ranges::any_of(proxies_, [&](const auto& proxy) {
    const LocalPod* pod = proxy->is_sidecar() ? registry_.find(proxy->netns()) : nullptr;
    return pod != nullptr && pod->mode != FL_MODE_SIDECAR && pod->wanted_mode != FL_MODE_SIDECAR &&
           (proxy->state() == ProxyState::kRunning || proxy->state() == ProxyState::kBackingOff);
  });
  if (!any || before_drain_.active()) {
    return;
  }
  before_drain_ = loop_.after(kBeforeDrain, [this] {
    for (const auto& proxy : proxies_) {
      if (proxy->is_sidecar()) {
        drain_if_unwanted(*proxy);
      }
    }
    report_progress();
  });
}

void Fleet::drain_if_unwanted(Proxy& sidecar) {
  const LocalPod* pod = registry_.find(sidecar.netns());
  if (pod != nullptr && pod->mode != FL_MODE_SIDECAR && pod->wanted_mode != FL_MODE_SIDECAR) {
    sidecar.drain();
  }
}

void Fleet::retire_predecessors() {
  for (const auto& proxy : proxies_) {
    const bool may_come = !proxy->has_all_workers() && time_to_come_.active();
    if (!proxy->has_successor() || proxy->state() != ProxyState::kRunning || snapshot_.generation == 0 || may_come) {
      continue;
    }
    const Proxy* successor = proxy->is_sidecar() ? sidecar_of(proxy->netns()) : proxies_.front().get();
    // A sidecar that nobody wants has none, and goes with retire_sidecars().
    if (successor != nullptr && successor->has_applied(snapshot_.generation)) {
      log::info("proxy {} (pid {}) drains: its successor, pid {}, serves", proxy->name(), proxy->pid(),
                successor->pid());
      proxy->drain();
    }
  }
}

void Fleet::end_all(std::chrono::milliseconds patience, std::function<void()> done) {
  all_ended_ = std::move(done);
  before_drain_.reset();
  for (const auto& proxy : proxies_) {
    proxy->end(patience);
  }
  report_progress();
}

Proxy* Fleet::sidecar_of(uint64_t netns) const {
  const auto found = std::ranges::find_if(proxies_, [&](const auto& proxy) {
    return proxy->netns() == netns && proxy->state() != ProxyState::kEnding && !proxy->has_successor();
  });
  return found == proxies_.end() ? nullptr : found->get();
}

bool Fleet::sidecar_serves(uint64_t netns) const {
  const Proxy* proxy = sidecar_of(netns);
  return proxy != nullptr && proxy->state() == ProxyState::kRunning && proxy->has_applied(1);
}

bool Fleet::judges_by_older_than(uint64_t generation) const {
  return std::ranges::any_of(proxies_, [&](const auto& proxy) { return proxy->judges_by_older_than(generation); });
}

std::vector<std::string> Fleet::missing(uint64_t generation) const {
  std::vector<std::string> lines;
  for (const auto& proxy : proxies_) {
    if (proxy->is_beyond_reach()) {
      continue;
    }
    if (proxy->state() == ProxyState::kEnding) {
      lines.push_back(fmt::format("the sidecar of {}, which is gone, has not ended yet", proxy->name()));
    } else if (proxy->refuses(generation)) {
      lines.push_back(fmt::format("proxy {} cannot apply generation {}", proxy->name(), generation));
    } else if (!proxy->has_applied(generation)) {
      lines.push_back(fmt::format("proxy {} ({}) has applied generation {}, not {}", proxy->name(),
                                  name_of(proxy->state()), proxy->generation(), generation));
    } else if (proxy->is_closing_listeners()) {
      lines.push_back(fmt::format("proxy {} has not closed the listeners of a pod that is gone, or of its successor",
                                  proxy->name()));
    }
  }
  for (const auto& [uid, pod] : registry_.pods()) {
    if (pod.wanted_mode == FL_MODE_SIDECAR && !sidecar_serves(pod.cookie)) {
      lines.push_back(fmt::format("the sidecar of {} does not accept connections yet", uid));
    }
  }
  return lines;
}

ProxyCounts Fleet::counts() const {
  ProxyCounts total = counts_of_reaped_;
  for (const auto& proxy : proxies_) {
    total += proxy->counts();
  }
  return total;
}

void Fleet::report_progress() {
  if (!report_.active()) {
    report_ = loop_.after({}, [this] {
      retire_predecessors();
      reap();
      if (progress_) {
        progress_();
      }
    });
  }
}

void Fleet::reap() {
  std::erase_if(proxies_, [&](const auto& proxy) {
    if (proxy == proxies_.front() || proxy->state() != ProxyState::kStopped) {
      return false;
    }
    counts_of_reaped_ += proxy->counts();
    return true;
  });
  if (all_ended_ && std::ranges::all_of(proxies_, [](const auto& proxy) { return proxy->pid() == 0; })) {
    std::exchange(all_ended_, nullptr)();
  }
}

}  // namespace fairlead::agent_broker
