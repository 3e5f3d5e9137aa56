#include "userspace-proxy/io/timer.h"

#include <gtest/gtest.h>

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
      const int sleep = wheel.sleep_ms(now);
      ASSERT_GE(sleep, 0);
      now += static_cast<uint64_t>(sleep) * kMs + random() % (5 * kMs);
      wheel.advance(now);
      for (size_t i = before; i < fired.size(); ++i) {
        EXPECT_GE(now, deadlines[static_cast<size_t>(fired[i])]);
        EXPECT_LE(now, deadlines[static_cast<size_t>(fired[i])] + 50 * kMs);
      }
    }
    EXPECT_EQ(wheel.sleep_ms(now), -1);
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

TEST(TimerWheel, after_a_disarmed_timer_it_sleeps_too_short_once_at_most) {
  TimerWheel wheel(0);
  std::vector<int> fired;
  Recorder near(fired, 1), far(fired, 2);
  wheel.arm(near, 100 * kMs);
  wheel.arm(far, 10'000 * kMs);
  near.disarm();
  EXPECT_LE(wheel.sleep_ms(0), 10'000);
  wheel.advance(120 * kMs);
  EXPECT_GT(wheel.sleep_ms(120 * kMs), 9'800);
  EXPECT_LE(wheel.sleep_ms(120 * kMs), 9'900);
  far.disarm();
  wheel.advance(10'100 * kMs);
  EXPECT_EQ(wheel.sleep_ms(10'100 * kMs), -1);
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
