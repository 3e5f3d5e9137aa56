#include "agent/bench/load/wrk.h"

#include <gtest/gtest.h>

namespace fairlead::bench {
namespace {

const std::string kWords = "Running 60m test @ http://10.0.0.1/\n  1 threads and 1 connections\n";

TEST(ParseWrk, TakesTheFiguresOfTheLastLine) {
  const auto sample = parse_wrk(kWords + R"({"requests":400,"duration_us":10000,"connect":0,"read":0,"write":0,)" +
                                R"("timeout":0,"status":0,"latency_us":[[24,390],[70,10]]})" + "\n");
  ASSERT_TRUE(sample) << sample.error().message();
  EXPECT_EQ(sample->requests, 400U);
  EXPECT_DOUBLE_EQ(sample->us_per_request, 25);
  EXPECT_EQ(sample->latency->count(), 400U);
  EXPECT_NEAR(static_cast<double>(sample->latency->at(0.5)), 24'000, 24);
  EXPECT_NEAR(static_cast<double>(sample->latency->at(0.99)), 70'000, 70);
}

TEST(ParseWrk, MakesNoFigureOfFailedRequests) {
  for (const char* kind : {"connect", "read", "write", "timeout", "status"}) {
    const auto sample = parse_wrk(kWords + R"({"requests":400,"duration_us":10000,")" + kind + R"(":2})");
    ASSERT_FALSE(sample) << kind;
    EXPECT_NE(sample.error().message().find(std::string("2 ") + kind), std::string::npos) << sample.error().message();
  }
}

TEST(ParseWrk, MakesNoFigureOfALatencyThatIsNone) {
  for (const char* pair : {"[24]", "24", "[\"24\",1]", "[24,-1]"}) {
    EXPECT_FALSE(parse_wrk(std::string(R"({"requests":1,"duration_us":10,"latency_us":[)") + pair + "]}")) << pair;
  }
}

TEST(ParseWrk, MakesNoFigureOfNothing) {
  EXPECT_FALSE(parse_wrk(""));
  EXPECT_FALSE(parse_wrk("unable to connect to 10.0.0.1:80 Connection refused\n"));
}

TEST(ParseWrk, OfASliceWithoutAnAnswerCountsNone) {
  const auto sample = parse_wrk(R"({"requests":0,"duration_us":10000})");
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->requests, 0U);
  EXPECT_EQ(sample->us_per_request, 0);
}

}  // namespace
}  // namespace fairlead::bench
