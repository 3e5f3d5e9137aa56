#include "userspace-proxy/io/loop.h"

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
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return fail_sys("epoll_create1");
  }
  return std::unique_ptr<Loop>(new Loop(std::move(epoll)));
}

Loop::Loop(Fd epoll) : epoll_(std::move(epoll)), timers_(read_clock(CLOCK_MONOTONIC)) { read_clocks(); }

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
  const int timeout = deferred_.empty() ? timers_.sleep_ms(now_ns_) : 0;
  const int count = epoll_wait(epoll_.get(), batch_.data(), kBatch, timeout);
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
