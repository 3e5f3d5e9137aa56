#include "agent/bench/compare.h"

#include "tests/unit/bench/recorded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace fairlead::bench {
namespace {

using nlohmann::json;

Comparison compared(const json& old_report, const json& new_report) {
  return compare(parse_report(old_report).value(), parse_report(new_report).value());
}

// The row's times by this factor, direct's as they are.
json scaled(json report, size_t row, double factor) {
  for (json& round : report["rows"][row]["rounds"]) {
    round["us_per_request"] = round["us_per_request"].get<double>() * factor;
  }
  return report;
}

std::string last_line(const std::string& text) { return text.substr(text.rfind('\n', text.size() - 2) + 1); }

TEST(Compare, SeesNoDifferenceBetweenAReportAndItself) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const Comparison comparison = compared(recorded_report(seed), recorded_report(seed));
    ASSERT_EQ(comparison.changes.size(), 3U);
    for (const RatioChange& one : comparison.changes) {
      EXPECT_EQ(one.verdict, Verdict::kNoDifference);
      EXPECT_EQ(one.change, 0);
      EXPECT_GT(one.smallest_seen(), 0);
    }
    EXPECT_FALSE(comparison.is_worse());
    EXPECT_TRUE(comparison.has_judged());
    EXPECT_TRUE(comparison.differences.empty() && comparison.only_old.empty() && comparison.only_new.empty());
  }
}

TEST(Compare, FindsARowThatIsScaledAndNoOther) {
  constexpr size_t kNodeHttp = 1;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const json report = recorded_report(seed);
    for (const auto& [factor, verdict] : {std::pair(1.2, Verdict::kSlower), std::pair(0.8, Verdict::kFaster)}) {
      const Comparison comparison = compared(report, scaled(report, kNodeHttp, factor));
      const RatioChange& first = comparison.changes.front();
      EXPECT_EQ(first.cell.path, "node-http");
      EXPECT_EQ(first.verdict, verdict);
      EXPECT_NEAR(first.change, factor - 1, 1e-9);
      EXPECT_LE(first.interval.low, first.change);
      EXPECT_GE(first.interval.high, first.change);
      EXPECT_EQ(comparison.count(Verdict::kNoDifference), 2U);
      EXPECT_EQ(comparison.is_worse(), factor > 1);
    }
  }
}

TEST(Compare, CallsNoChangeWhatNoiseIsWiderThan) {
  json old_report = recorded_report(), new_report = recorded_report();
  old_report["rows"][1]["rounds"] = rounds_around(2, 0.5, 21);
  new_report["rows"][1]["rounds"] = rounds_around(2 * 1.2, 0.5, 22);
  const RatioChange one = compared(old_report, new_report).changes.front();
  EXPECT_EQ(one.verdict, Verdict::kNoDifference);
  EXPECT_GT(one.smallest_seen(), 0.2);
}

TEST(Compare, SeesEveryChangeThatIsLargerThanTheSmallestItSaysItSees) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    json old_report = recorded_report(), new_report = recorded_report();
    old_report["rows"][1]["rounds"] = rounds_around(2, 0.2, seed);
    new_report["rows"][1]["rounds"] = rounds_around(2 * (0.7 + 0.02 * static_cast<double>(seed)), 0.2, seed + 100);
    for (const RatioChange& one : compared(old_report, new_report).changes) {
      if (std::abs(one.change) > one.smallest_seen()) {
        EXPECT_EQ(one.verdict, one.change > 0 ? Verdict::kSlower : Verdict::kFaster) << one.change;
      }
    }
  }
}

TEST(Compare, IsNotMisledByAMachineThatBecameSlower) {
  json slower = recorded_report();
  for (json& row : slower["rows"]) {
    for (json& round : row["rounds"]) {
      round["us_per_request"] = round["us_per_request"].get<double>() * 3;
      round["direct_us"] = round["direct_us"].get<double>() * 3;
    }
  }
  const Comparison comparison = compared(recorded_report(), slower);
  EXPECT_EQ(comparison.count(Verdict::kNoDifference), 3U);
  EXPECT_NEAR(comparison.times.front().new_us / comparison.times.front().old_us, 3, 1e-9);
}

TEST(Compare, TheOtherWayRoundSlowerIsFaster) {
  const json report = recorded_report(), other = scaled(scaled(report, 1, 1.2), 2, 0.8);
  const Comparison there = compared(report, other), back = compared(other, report);
  EXPECT_EQ(there.changes[0].cell, back.changes[1].cell);
  EXPECT_EQ(there.changes[1].cell, back.changes[0].cell);
  EXPECT_NEAR((1 + there.changes[0].change) * (1 + back.changes[1].change), 1, 1e-9);
}

TEST(Compare, JudgesNoFewRounds) {
  json report = recorded_report();
  for (json& row : report["rows"]) {
    row["rounds"].erase(row["rounds"].begin() + kLeastRounds - 1, row["rounds"].end());
  }
  const Comparison comparison = compared(report, scaled(report, 1, 9));
  EXPECT_EQ(comparison.count(Verdict::kTooFewRounds), 3U);
  EXPECT_FALSE(comparison.is_worse());
  EXPECT_FALSE(comparison.has_judged());
}

TEST(Compare, NamesRowsOfOneReportOnlyAndWhyWhereTheOtherSaysIt) {
  json old_report = recorded_report(), new_report = recorded_report();
  old_report["rows"].erase(1);
  new_report["rows"].erase(3);
  new_report["not_measured"].push_back({{"path", "haproxy-pair"},
                                        {"placement", "one-core"},
                                        {"load", "http-c1"},
                                        {"why", "missing"},
                                        {"reason", "haproxy is not installed"}});
  const Comparison comparison = compared(old_report, new_report);
  EXPECT_EQ(comparison.only_old, std::vector<std::string>{"haproxy-pair one-core http-c1 (haproxy is not installed)"});
  EXPECT_EQ(comparison.only_new, std::vector<std::string>{"node-http one-core http-c1"});
  EXPECT_FALSE(comparison.is_worse());
}

TEST(Compare, CallsARowThatFailsNowARegressionIfItWasMeasuredBefore) {
  json report = recorded_report();
  report["rows"].erase(1);
  for (const char* path : {"node-http", "nginx-pair"}) {
    report["not_measured"].push_back({{"path", path},
                                      {"placement", "one-core"},
                                      {"load", "http-c1"},
                                      {"why", "failed"},
                                      {"reason", "2 answers of 503"}});
  }
  const Comparison comparison = compared(recorded_report(), report);
  ASSERT_EQ(comparison.failed.size(), 1U);
  EXPECT_EQ(comparison.failed[0].cell.path, "node-http");
  EXPECT_TRUE(comparison.is_worse());
  ASSERT_EQ(comparison.also_failed.size(), 1U);
  EXPECT_EQ(comparison.also_failed[0].cell.path, "nginx-pair");
  EXPECT_FALSE(compared(report, report).is_worse());
  const std::string text = to_markdown(comparison);
  EXPECT_NE(text.find("FAILED, and was measured before: node-http one-core http-c1: 2 answers of 503"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("Failed, and was not measured before: nginx-pair one-core http-c1: 2 answers of 503"),
            std::string::npos)
      << text;
  EXPECT_EQ(last_line(text), "0 slower, 0 faster, 2 with no difference seen, 1 FAILED\n");
}

TEST(Compare, CallsOutMemoryThatChangedByMoreThanFivePercentAndAnEighthOfAMebibyte) {
  const auto is_called_out = [](uint64_t before, uint64_t after) {
    json old_report = recorded_report(), new_report = recorded_report();
    old_report["memory"]["agent"]["under_load"]["pss_kib"] = before;
    new_report["memory"]["agent"]["under_load"]["pss_kib"] = after;
    return compared(old_report, new_report).memory.at(0).is_called_out;
  };
  EXPECT_FALSE(is_called_out(1000, 1128));  // 13 %, 128 KiB
  EXPECT_TRUE(is_called_out(1000, 1129));
  EXPECT_TRUE(is_called_out(1129, 1000));
  EXPECT_FALSE(is_called_out(8000, 8400));  // 5 %, 400 KiB
  EXPECT_TRUE(is_called_out(8000, 8401));
  EXPECT_TRUE(is_called_out(0, 1000));
}

TEST(Compare, SaysInOneLineWhatWasNotTheSame) {
  json other = recorded_report();
  other["machine"]["cpu"] = "B";
  other["machine"]["versions"]["fairlead"] = "1.1";
  other["method"]["rounds"] = 5;
  other["partial"] = true;
  other["method"]["seed"] = 99;  // only the order of the rounds' cells
  const std::string text = to_markdown(compared(recorded_report(), other));
  EXPECT_NE(text.find("\nNot the same in both: agent 1.0 -> 1.1; cpu A -> B; partial no -> yes; rounds 15 -> 5.\n"),
            std::string::npos)
      << text;
  EXPECT_LT(text.find("Not the same"), text.find("| load"));
  EXPECT_EQ(to_markdown(compared(recorded_report(), recorded_report())).find("Not the same"), std::string::npos);
}

TEST(Compare, OfOtherPlacementsComparesNothing) {
  json other = recorded_report();
  for (json& row : other["rows"]) {
    row["placement"] = "two-cores";
  }
  const Comparison comparison = compared(recorded_report(), other);
  EXPECT_FALSE(comparison.has_judged());
  EXPECT_EQ(comparison.only_old.size(), 4U);
  EXPECT_NE(to_markdown(comparison).find("placement one-core -> two-cores"), std::string::npos);
}

TEST(CompareMarkdown, HasSlowerRowsFirstThenFasterOnesThenTheRestAndEndsWithASummary) {
  const json report = recorded_report();
  const std::string text = to_markdown(compared(report, scaled(scaled(report, 3, 1.2), 2, 0.8)));
  const size_t slower = text.find("| http-c1 | haproxy-pair |"), faster = text.find("| http-c1 | sidecar-pair |"),
               same = text.find("| http-c1 | node-http    |");
  EXPECT_LT(slower, faster) << text;
  EXPECT_LT(faster, same) << text;
  EXPECT_NE(text.find("+20.0 %"), std::string::npos) << text;
  EXPECT_NE(text.find("-20.0 %"), std::string::npos) << text;
  EXPECT_EQ(last_line(text), "1 slower, 1 faster, 1 with no difference seen\n");
  EXPECT_EQ(text.find("-0.0"), std::string::npos) << text;
}

}  // namespace
}  // namespace fairlead::bench
