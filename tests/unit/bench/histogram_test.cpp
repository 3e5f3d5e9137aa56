#include "agent/bench/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

namespace fairlead::bench {
namespace {

TEST(Histogram, OfNothingSaysZero) {
  const auto histogram = std::make_unique<Histogram>();
  EXPECT_EQ(histogram->count(), 0U);
  EXPECT_EQ(histogram->max(), 0U);
  EXPECT_EQ(histogram->at(0.5), 0U);
  EXPECT_EQ(histogram->mean(), 0);
  EXPECT_TRUE(histogram->curve(5).empty());
}

TEST(Histogram, HasEveryQuantileToThreeDigits) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> draw(11, 2);
  const auto histogram = std::make_unique<Histogram>();
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<uint64_t>(draw(random)));
    histogram->record(values.back());
  }
  std::ranges::sort(values);
  for (const double q : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<size_t>(std::max(1.0, std::ceil(q * static_cast<double>(values.size()))));
    const auto exact = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(static_cast<double>(histogram->at(q)), exact, exact / 1000 + 1) << q;
    EXPECT_GE(static_cast<double>(histogram->at(q)), exact);
  }
  EXPECT_EQ(histogram->max(), values.back());
}

TEST(Histogram, CountsWhatIsTooLongAsTheLongest) {
  const auto histogram = std::make_unique<Histogram>();
  histogram->record(Histogram::kHighest * 3);
  EXPECT_EQ(histogram->max(), Histogram::kHighest);
  EXPECT_EQ(histogram->at(1), Histogram::kHighest);
}

TEST(Histogram, SumOfTwoIsThatOfAllTheirValues) {
  const auto a = std::make_unique<Histogram>(), b = std::make_unique<Histogram>(), all = std::make_unique<Histogram>();
  for (uint64_t i = 1; i < 3000; i += 7) {
    (i % 2 == 0 ? a : b)->record(i * i, i);
    all->record(i * i, i);
  }
  a->add(*b);
  EXPECT_EQ(a->encode(), all->encode());
  EXPECT_EQ(a->mean(), all->mean());
  EXPECT_EQ(a->max(), all->max());
}

TEST(Histogram, CurveRisesFromTheLeastToTheMaximum) {
  const auto histogram = std::make_unique<Histogram>();
  for (uint64_t i = 1; i <= 1000; ++i) {
    histogram->record(i * 1000);
  }
  const auto curve = histogram->curve(5);
  ASSERT_GT(curve.size(), 20U);
  EXPECT_EQ(curve.front().q, 0);
  EXPECT_EQ(curve.back().q, 1);
  EXPECT_EQ(curve.back().ns, 1'000'000U);
  EXPECT_TRUE(std::ranges::is_sorted(curve, {}, &Histogram::Point::q));
  EXPECT_TRUE(std::ranges::is_sorted(curve, {}, &Histogram::Point::ns));
  for (const auto& point : curve) {
    EXPECT_NEAR(static_cast<double>(point.ns), std::max(1.0, point.q * 1000) * 1000, 1500) << point.q;
  }
}

}  // namespace
}  // namespace fairlead::bench
