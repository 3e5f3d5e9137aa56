#include "userspace-proxy/io/loop.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace fairlead::io {
namespace {

uint64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

Result<std::unique_ptr<Loop>> Loop::create() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC)), alarm(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!epoll || !alarm) {
    return fail_sys(epoll ? "timerfd_create" : "epoll_create1");
  }
  std::unique_ptr<Loop> loop(new Loop(std::move(epoll), std::move(alarm)));
  // Never read: edge-triggered, and setting it anew forgets that it went off.
  const Status added = loop->add(loop->alarm_.fd.get(), EPOLLIN | EPOLLET, loop->alarm_);
  return added ? Result<std::unique_ptr<Loop>>(std::move(loop)) : std::unexpected(added.error());
}

Loop::Loop(Fd epoll, Fd alarm)
    : epoll_(std::move(epoll)), alarm_(std::move(alarm)), timers_(read_clock(CLOCK_MONOTONIC)) {
  read_clocks();
}

void Loop::set_alarm() {
  const uint64_t next_ns = timers_.next_ns();
  if (next_ns >= alarm_.at_ns) {
    return;
  }
  alarm_.at_ns = next_ns;
  constexpr uint64_t kSecond = 1'000'000'000;
  itimerspec at{};
  at.it_value = {.tv_sec = static_cast<time_t>(next_ns / kSecond), .tv_nsec = static_cast<long>(next_ns % kSecond)};
  timerfd_settime(alarm_.fd.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

void Loop::read_clocks() {
  now_ns_ = read_clock(CLOCK_MONOTONIC);
  if (now_ns_ >= wall_refresh_ns_) {
    wall_offset_ns_ = static_cast<int64_t>(read_clock(CLOCK_REALTIME)) - static_cast<int64_t>(now_ns_);
    wall_refresh_ns_ = now_ns_ + 1'000'000'000;
  }
}

Status Loop::add(int fd, uint32_t events, Source& source) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &source;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail_sys("epoll_ctl");
  }
  return {};
}

void Loop::remove(int fd, Source& source) {
  epoll_event unused{};
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused);
  for (int i = batch_next_; i < batch_size_; ++i) {
    if (batch_[i].data.ptr == &source) {
      batch_[i].data.ptr = nullptr;
    }
  }
}

void Loop::turn() {
  set_alarm();
  const int count = epoll_wait(epoll_.get(), batch_.data(), kBatch, deferred_.empty() ? -1 : 0);
  read_clocks();
  batch_size_ = std::max(count, 0);
  for (batch_next_ = 0; batch_next_ < batch_size_;) {
    const epoll_event& event = batch_[batch_next_++];
    if (event.data.ptr != nullptr) {
      static_cast<Source*>(event.data.ptr)->on_events(event.events);
    }
  }
  batch_size_ = 0;
  timers_.advance(now_ns_);
  running_.swap(deferred_);
  for (Deferred*& place : running_) {  // what one runs may take others out of the list, never put some in
    if (Deferred* const deferred = std::exchange(place, nullptr); deferred != nullptr) {
      deferred->queued_in_ = nullptr;
      deferred->run();
    }
  }
  running_.clear();
}

void Loop::run() {
  while (!stopped_) {
    turn();
  }
}

void Loop::defer(Deferred& deferred) {
  if (deferred.queued_in_ == nullptr) {
    deferred.queued_in_ = this;
    deferred_.push_back(&deferred);
  }
}

Loop::Deferred::~Deferred() {
  if (queued_in_ != nullptr) {
    std::ranges::replace(queued_in_->deferred_, this, nullptr);
    std::ranges::replace(queued_in_->running_, this, nullptr);
  }
}

}  // namespace fairlead::io
