#include "userspace-proxy/io/timer.h"

#include "userspace-proxy/io/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace fairlead::io {
namespace {

constexpr uint64_t kMs = 1'000'000;

struct Recorder final : Timer {
  explicit Recorder(std::vector<int>& in, int number) : fired(in), id(number) {}
  void on_timer() override { fired.push_back(id); }
  std::vector<int>& fired;
  int id;
};

TEST(TimerWheel, fires_at_or_after_the_deadline_and_never_before) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    uint64_t now = 1'000'000'000 + random() % 1'000'000'000;
    TimerWheel wheel(now);
    std::vector<int> fired;
    std::vector<std::unique_ptr<Recorder>> timers;
    std::vector<uint64_t> deadlines;
    for (int i = 0; i < 40; ++i) {
      timers.push_back(std::make_unique<Recorder>(fired, i));
      // Up to 60 s: three times round the wheel.
      deadlines.push_back(now + random() % (60'000 * kMs));
      wheel.arm(*timers.back(), deadlines.back());
    }
    while (fired.size() < timers.size()) {
      const size_t before = fired.size();
      const uint64_t next = wheel.next_ns();
      ASSERT_NE(next, TimerWheel::kNever);
      now = std::max(now, next) + random() % (5 * kMs);
      wheel.advance(now);
      for (size_t i = before; i < fired.size(); ++i) {
        EXPECT_GE(now, deadlines[static_cast<size_t>(fired[i])]);
        EXPECT_LE(now, deadlines[static_cast<size_t>(fired[i])] + 50 * kMs);
      }
    }
    EXPECT_EQ(wheel.next_ns(), TimerWheel::kNever);
  }
}

TEST(TimerWheel, a_disarmed_or_destroyed_timer_does_not_fire) {
  TimerWheel wheel(0);
  std::vector<int> fired;
  Recorder disarmed(fired, 1);
  wheel.arm(disarmed, 100 * kMs);
  disarmed.disarm();
  {
    Recorder destroyed(fired, 2);
    wheel.arm(destroyed, 100 * kMs);
  }
  wheel.advance(1000 * kMs);
  EXPECT_TRUE(fired.empty());
}

TEST(TimerWheel, after_a_disarmed_timer_the_next_is_told_too_early_once_at_most) {
  TimerWheel wheel(0);
  std::vector<int> fired;
  Recorder near(fired, 1), far(fired, 2);
  wheel.arm(near, 100 * kMs);
  wheel.arm(far, 10'000 * kMs);
  near.disarm();
  EXPECT_LE(wheel.next_ns(), 10'000 * kMs);
  wheel.advance(120 * kMs);
  EXPECT_GE(wheel.next_ns(), 10'000 * kMs);
  EXPECT_LE(wheel.next_ns(), 10'020 * kMs);
  far.disarm();
  wheel.advance(10'100 * kMs);
  EXPECT_EQ(wheel.next_ns(), TimerWheel::kNever);
}

TEST(TimerWheel, a_timer_may_arm_itself_and_end_another_while_firing) {
  struct Chain final : Timer {
    explicit Chain(TimerWheel& in) : wheel(in) {}
    void on_timer() override {
      ++count;
      other.reset();
      if (count < 3) {
        wheel.arm(*this, 0);
      }
    }
    TimerWheel& wheel;
    std::unique_ptr<Recorder> other;
    int count = 0;
  };
  TimerWheel wheel(0);
  std::vector<int> fired;
  Chain chain(wheel);
  chain.other = std::make_unique<Recorder>(fired, 9);
  wheel.arm(chain, 50 * kMs);
  wheel.arm(*chain.other, 50 * kMs);
  for (uint64_t now = 20 * kMs; now <= 400 * kMs; now += 20 * kMs) {
    wheel.advance(now);
  }
  EXPECT_EQ(chain.count, 3);
  EXPECT_TRUE(fired.empty());
}

TEST(Loop, ends_its_wait_for_the_earliest_timer_also_when_it_comes_after_later_ones) {
  const auto loop = Loop::create();
  ASSERT_TRUE(loop);
  struct Stop final : Timer {
    explicit Stop(Loop& in) : loop(in) {}
    void on_timer() override { loop.stop(); }
    Loop& loop;
  };
  std::vector<int> fired;
  Recorder late(fired, 3), near(fired, 1), gone(fired, 2);
  Stop stop(**loop);
  const uint64_t start = (*loop)->now_ns();
  (*loop)->arm(late, start + 3'600'000 * kMs);
  (*loop)->arm(gone, start + 60 * kMs);
  gone.disarm();  // its alarm goes off for nothing
  (*loop)->arm(stop, start + 150 * kMs);
  (*loop)->arm(near, start + 80 * kMs);
  (*loop)->run();
  EXPECT_EQ(fired, std::vector<int>{1});
  EXPECT_GE((*loop)->now_ns(), start + 150 * kMs);
}

TEST(TimerWheel, a_long_sleep_misses_nothing) {
  TimerWheel wheel(0);
  std::vector<int> fired;
  Recorder timer(fired, 1);
  wheel.arm(timer, 30 * kMs);
  wheel.advance(3'600'000 * kMs);
  EXPECT_EQ(fired, std::vector<int>{1});
}

}  // namespace
}  // namespace fairlead::io
