#include "agent/bench/events.h"

#include <gtest/gtest.h>

namespace fairlead::bench {
namespace {

Event accounted(const std::vector<TimedRequest>& requests) {
  Event event{.scenario = "test", .marks = {}, .bins = {}};
  account(event, requests, /*bin_ms=*/50);
  return event;
}

TEST(Account, PutsARequestIntoTheBinInWhichItWasDue) {
  const Event event = accounted({{0, 100}, {49'999, 300}, {50'000, 70}, {160'000, 200}});
  ASSERT_EQ(event.bins.size(), 4U);
  EXPECT_EQ(event.bins[0].count, 2U);
  EXPECT_EQ(event.bins[0].p50_us, 200);
  EXPECT_EQ(event.bins[0].max_us, 300);
  EXPECT_EQ(event.bins[1].count, 1U);
  EXPECT_EQ(event.bins[2].count, 0U);  // nothing was due: there is a bin all the same
  EXPECT_EQ(event.bins[3].t_ms, 150);
  EXPECT_EQ(event.lost, 0U);
}

TEST(Account, CountsAFailedRequestAsDueAndLostAndNotAsAnswered) {
  const Event event = accounted({{0, 100}, {1'000, TimedRequest::kFailed}, {2'000, 100}});
  EXPECT_EQ(event.lost, 1U);
  EXPECT_EQ(event.bins[0].count, 3U);
  EXPECT_EQ(event.bins[0].failed, 1U);
  EXPECT_EQ(event.bins[0].max_us, 100);
}

TEST(Account, TheLongestGapIsBetweenAnswersAsTheyCame) {
  // Answers at 1, 2 and 42 ms; the one that was due first came last.
  EXPECT_EQ(accounted({{0, 42'000}, {500, 500}, {1'000, 1'000}}).longest_gap_ms, 40);
  EXPECT_EQ(accounted({{0, 100}}).longest_gap_ms, 0);
}

}  // namespace
}  // namespace fairlead::bench
