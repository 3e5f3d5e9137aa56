#include "agent/bench/ladder.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace fairlead::bench {
namespace {

// A path that carries up to `most` requests per second.
Step offer_to(unsigned most, unsigned rate) {
  return {.offered_per_s = rate, .achieved_per_s = std::min(rate, most) * 1.0, .unanswered = 0, .latency = nullptr};
}

TEST(Climb, FindsWhatAPathCarriesToAFewPercent) {
  for (const unsigned most : {700U, 5'000U, 23'456U, 190'000U}) {
    const auto steps = climb(500, [&](unsigned rate) { return Result<Step>(offer_to(most, rate)); });
    ASSERT_TRUE(steps);
    // A step is carried down to 0.95 of its rate, and the gap between the last two is an eighth of a rate.
    EXPECT_GE(saturation(*steps), most * 0.87) << most;
    EXPECT_LE(saturation(*steps), most / 0.95) << most;
  }
}

TEST(Climb, OfAPathThatCarriesNothingIsOneStep) {
  const auto steps = climb(500, [&](unsigned rate) { return Result<Step>(offer_to(10, rate)); });
  ASSERT_TRUE(steps);
  EXPECT_EQ(steps->size(), 1U);
  EXPECT_EQ(saturation(*steps), 0U);
}

TEST(Climb, AStepWithARequestUnansweredIsNotCarriedHoweverFast) {
  EXPECT_TRUE((Step{.offered_per_s = 100, .achieved_per_s = 100, .unanswered = 0, .latency = nullptr}.is_carried()));
  EXPECT_FALSE((Step{.offered_per_s = 100, .achieved_per_s = 100, .unanswered = 1, .latency = nullptr}.is_carried()));
}

TEST(Climb, EndsWithTheErrorOfAStep) {
  const auto steps = climb(500, [](unsigned rate) -> Result<Step> {
    return rate < 2000 ? Result<Step>(offer_to(10'000, rate)) : fail("gone");
  });
  ASSERT_FALSE(steps);
  EXPECT_EQ(steps.error().message(), "gone");
}

}  // namespace
}  // namespace fairlead::bench
