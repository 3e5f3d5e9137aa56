#include "userspace-proxy/io/timer.h"

#include <algorithm>
#include <bit>

namespace fairlead::io {

void Timer::disarm() {
  if (next_ != nullptr) {
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }
}

TimerWheel::TimerWheel(uint64_t now_ns) : tick_(now_ns / kTickNs) {
  for (Head& head : slots_) {
    head.next_ = head.previous_ = &head;
  }
}

TimerWheel::~TimerWheel() {
  for (Head& head : slots_) {
    while (head.next_ != &head) {
      head.next_->disarm();
    }
    head.next_ = head.previous_ = nullptr;
  }
}

void TimerWheel::arm(Timer& timer, uint64_t deadline_ns) {
  timer.disarm();
  timer.deadline_ns_ = deadline_ns;
  const uint64_t due = std::clamp((deadline_ns + kTickNs - 1) / kTickNs, tick_ + 1, tick_ + kSlots - 1);
  const size_t slot = due % kSlots;
  Head& head = slots_[slot];
  timer.previous_ = head.previous_;
  timer.next_ = &head;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
  used_[slot / 64] |= uint64_t{1} << (slot % 64);
  first_ = std::min(first_, due);
}

void TimerWheel::advance(uint64_t now_ns) {
  const uint64_t now_tick = now_ns / kTickNs;
  // After a long sleep every slot is due once.
  uint64_t from = std::max(tick_ + 1, now_tick >= kSlots ? now_tick - kSlots + 1 : 0);
  tick_ = std::max(tick_, now_tick);
  for (; from <= now_tick; ++from) {
    Head& head = slots_[from % kSlots];
    if (head.next_ == &head) {
      continue;
    }
    // Taken off into a list of its own: what fires may arm timers into this very slot.
    Head due;
    due.next_ = head.next_;
    due.previous_ = head.previous_;
    due.next_->previous_ = &due;
    due.previous_->next_ = &due;
    head.next_ = head.previous_ = &head;
    while (due.next_ != &due) {
      Timer& timer = *due.next_;
      timer.disarm();
      if (timer.deadline_ns_ > now_ns) {
        arm(timer, timer.deadline_ns_);
      } else {
        timer.on_timer();
      }
    }
    due.next_ = due.previous_ = nullptr;
  }
}

uint64_t TimerWheel::next_ns() {
  if (first_ <= tick_) {
    first_ = find_first();
  }
  return first_ == kNever ? kNever : first_ * kTickNs;
}

uint64_t TimerWheel::find_first() {
  for (uint64_t ahead = 1; ahead <= kSlots;) {
    const size_t slot = (tick_ + ahead) % kSlots;
    const uint64_t word = used_[slot / 64] >> (slot % 64);
    if (word == 0) {
      ahead += 64 - slot % 64;
      continue;
    }
    const auto skip = static_cast<uint64_t>(std::countr_zero(word));
    const size_t found = slot + skip;
    ahead += skip;
    if (slots_[found].next_ != &slots_[found]) {
      return tick_ + ahead;
    }
    used_[found / 64] &= ~(uint64_t{1} << (found % 64));
    ++ahead;
  }
  return kNever;
}

}  // namespace fairlead::io
