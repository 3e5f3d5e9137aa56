#include "agent/loop.h"

#include "userspace-proxy/base/log.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace fairlead::agent {

Loop::Watch& Loop::Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    reset();
    loop_ = std::exchange(other.loop_, nullptr);
    fd_ = other.fd_;
    id_ = other.id_;
  }
  return *this;
}

void Loop::Watch::reset() {
  if (Loop* loop = std::exchange(loop_, nullptr)) {
    epoll_ctl(loop->epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
    loop->watches_.erase(id_);
  }
}

void Loop::Watch::set_events(uint32_t epoll_events) {
  epoll_event event{.events = epoll_events, .data = {.u64 = id_}};
  if (epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, fd_, &event) != 0) {
    log::error("{}", Error::sys("epoll_ctl").message());
    std::abort();
  }
}

Loop::Timer& Loop::Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    reset();
    loop_ = std::exchange(other.loop_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

void Loop::Timer::reset() {
  if (Loop* loop = std::exchange(loop_, nullptr)) {
    if (const auto found = loop->due_.find(id_); found != loop->due_.end()) {
      loop->timers_.erase({found->second, id_});
      loop->due_.erase(found);
    }
  }
}

bool Loop::Timer::active() const { return loop_ != nullptr && loop_->due_.contains(id_); }

Result<std::unique_ptr<Loop>> Loop::create() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return fail_sys("epoll_create1");
  }
  return std::unique_ptr<Loop>(new Loop(std::move(epoll)));
}

Loop::Watch Loop::watch(int fd, uint32_t epoll_events, OnEvents callback) {
  const uint64_t id = next_id_++;
  epoll_event event{.events = epoll_events, .data = {.u64 = id}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    log::error("{}", Error::sys("epoll_ctl").message());
    std::abort();
  }
  watches_.emplace(id, std::make_shared<OnEvents>(std::move(callback)));
  return Watch(this, fd, id);
}

Loop::Timer Loop::after(Clock::duration delay, OnTime callback) {
  const uint64_t id = next_id_++;
  const Clock::time_point due = Clock::now() + std::max(delay, Clock::duration::zero());
  timers_.emplace(std::pair(due, id), std::move(callback));
  due_.emplace(id, due);
  return Timer(this, id);
}

void Loop::run() {
  stopped_ = false;
  while (!stopped_) {
    run_once(std::chrono::hours(1));
  }
}

int Loop::milliseconds_until_due(Clock::duration limit) const {
  if (!timers_.empty()) {
    limit = std::min(limit, timers_.begin()->first.first - Clock::now());
  }
  // Rounded up: a timer is never early, and the loop never spins through the last millisecond.
  return static_cast<int>(std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(limit).count()));
}

void Loop::run_once(Clock::duration limit) {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), milliseconds_until_due(limit));
  for (int i = 0; i < count; ++i) {
    const uint64_t key = events[i].data.u64;  // by value: epoll_event is packed
    const auto found = watches_.find(key);
    if (found == watches_.end()) {
      continue;  // an earlier callback of this round ended it
    }
    const std::shared_ptr<OnEvents> callback = found->second;
    (*callback)(events[i].events);
  }
  fire_due_timers();
}

void Loop::fire_due_timers() {
  // Only what was due at the start: a timer that sets itself again with no delay must not starve the fds.
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    due_.erase(node.key().second);
    node.mapped()();
  }
}

Result<Fd> signal_fd(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    sigaddset(&set, signal);
  }
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return fail_sys("sigprocmask");
  }
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    return fail_sys("signalfd");
  }
  return fd;
}

}  // namespace fairlead::agent
