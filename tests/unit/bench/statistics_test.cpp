#include "agent/bench/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace fairlead::bench {
namespace {

TEST(Median, IsTheMiddleValueOrTheMeanOfTheTwo) {
  EXPECT_DOUBLE_EQ(median(std::vector{3.0, 1.0, 2.0}), 2);
  EXPECT_DOUBLE_EQ(median(std::vector{4.0, 1.0, 2.0, 3.0}), 2.5);
  EXPECT_DOUBLE_EQ(median(std::vector{7.0}), 7);
  EXPECT_DOUBLE_EQ(median({}), 0);
}

TEST(Median, IgnoresOneRoundThatWasSlowByAnyAmount) {
  EXPECT_DOUBLE_EQ(median(std::vector{10.0, 11.0, 12.0, 13.0, 1e9}), 12);
}

// R: quantile(c(1, 2, 4, 8), c(.25, .75, 1)) gives 1.75, 5, 8.
TEST(Quantile, InterpolatesAsRDoes) {
  const std::vector values{8.0, 1.0, 4.0, 2.0};
  EXPECT_DOUBLE_EQ(quantile(values, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(values, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(quantile(values, 0.75), 5);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 8);
}

TEST(Spread, IsTheDistanceOfTheQuartilesAsAShareOfTheMedian) {
  EXPECT_DOUBLE_EQ(spread(std::vector{1.0, 2.0, 4.0, 8.0}), (5 - 1.75) / 3);
  EXPECT_DOUBLE_EQ(spread(std::vector{5.0, 5.0, 5.0}), 0);
  EXPECT_DOUBLE_EQ(spread({}), 0);
}

TEST(IntervalOfMedian, OfEqualValuesHasNoWidth) {
  const Interval interval = interval_of_median(std::vector{2.0, 2.0, 2.0});
  EXPECT_DOUBLE_EQ(interval.low, 2);
  EXPECT_DOUBLE_EQ(interval.high, 2);
}

TEST(IntervalOfMedian, IsTheSameForTheSameValues) {
  const std::vector values{1.0, 5.0, 2.0, 9.0, 4.0};
  const Interval first = interval_of_median(values), second = interval_of_median(values);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
}

// Coverage: of many samples of a known distribution, about 95 in 100 intervals hold its median. The bootstrap of a
// median of 15 values is known to be a little wide; bounds of five standard errors around 0.95, and up to 0.99.
TEST(IntervalOfMedian, HoldsTheTrueMedianAboutNineteenTimesInTwenty) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> noise(0, 0.2);  // its median is 1
  constexpr int kSamples = 100;
  int holds = 0;
  for (int i = 0; i < kSamples; ++i) {
    std::vector<double> values(15);
    std::ranges::generate(values, [&] { return noise(random); });
    const Interval interval = interval_of_median(values);
    holds += interval.low <= 1 && interval.high >= 1 ? 1 : 0;
  }
  EXPECT_GT(holds, kSamples * 0.89);
  EXPECT_LT(holds, kSamples * 0.995);
}

TEST(IntervalOfQuotient, OfASampleAndItselfHoldsOne) {
  const std::vector values{1.0, 5.0, 2.0, 9.0, 4.0};
  const Interval interval = interval_of_quotient(values, values);
  EXPECT_LT(interval.low, 1);
  EXPECT_GT(interval.high, 1);
}

TEST(IntervalOfQuotient, OfEqualValuesIsTheirQuotientWithoutWidth) {
  const Interval interval = interval_of_quotient(std::vector{3.0, 3.0}, std::vector{2.0, 2.0, 2.0});
  EXPECT_DOUBLE_EQ(interval.low, 1.5);
  EXPECT_DOUBLE_EQ(interval.high, 1.5);
}

TEST(IntervalOfQuotient, OfNothingIsNothing) {
  const Interval interval = interval_of_quotient({}, std::vector{2.0});
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 0);
}

// As above, for two samples of unequal size of which one has 1.3 times the other's median.
TEST(IntervalOfQuotient, HoldsTheTrueQuotientAboutNineteenTimesInTwenty) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> noise(0, 0.2);
  constexpr int kSamples = 200;
  constexpr double kQuotient = 1.3;
  int holds = 0;
  for (int i = 0; i < kSamples; ++i) {
    std::vector<double> above(15), below(10);
    std::ranges::generate(above, [&] { return kQuotient * noise(random); });
    std::ranges::generate(below, [&] { return noise(random); });
    const Interval interval = interval_of_quotient(above, below);
    holds += interval.low <= kQuotient && interval.high >= kQuotient ? 1 : 0;
  }
  EXPECT_GT(holds, kSamples * 0.89);
  EXPECT_LT(holds, kSamples * 0.995);
}

}  // namespace
}  // namespace fairlead::bench
