#include "agent/bench/load_report.h"

#include "agent/bench/report.h"
#include "agent/host/file.h"
#include "tests/unit/bench/recorded.h"
#include "tests/unit/host/temporary_directory.h"

#include <gtest/gtest.h>

namespace fairlead::bench {
namespace {

using nlohmann::json;

std::string refusal_of(const json& report) {
  const auto parsed = parse_report(report);
  return parsed ? "none" : parsed.error().message();
}

TEST(ParseReport, TakesWhatTheBenchWrites) {
  Report report;
  report.placement = "two-cores";
  report.machine = {{"cpu", "test"}};
  report.rows.push_back({{Path::kNodeHttp, Load{}}, {}, std::make_shared<Histogram>(), {}});
  report.rows[0].rounds.push_back({.us_per_request = 30, .direct_us = 12, .requests = 100, .used = {}});
  report.rows[0].latency->record(30'000);
  report.not_measured.push_back({{Path::kHaproxyPair, Load{}}, "haproxy is not installed", true});
  report.under_load["agent"] = {.rss_kib = 9000, .pss_kib = 5000};
  const auto parsed = parse_report(to_json(report));
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_EQ(parsed->rows.size(), 1U);
  EXPECT_EQ(parsed->rows[0].cell, (RecordedCell{"node-http", "two-cores", "http-c1"}));
  EXPECT_EQ(parsed->rows[0].ratios, std::vector{2.5});
  EXPECT_NEAR(parsed->rows[0].p99_us.value_or(0), 30, 0.1);
  ASSERT_EQ(parsed->not_measured.size(), 1U);
  EXPECT_FALSE(parsed->not_measured[0].has_failed);
  EXPECT_EQ(parsed->pss_kib.at("agent"), 5000U);
  EXPECT_EQ(parsed->circumstances.at("placement"), "two-cores");
}

TEST(ParseReport, MissesNothingThatAnEarlierProgramDidNotWrite) {
  json report = recorded_report();
  for (const char* part : {"machine", "method", "memory", "not_measured"}) {
    report.erase(part);
  }
  report["rows"][1].erase("latency_us");
  const auto parsed = parse_report(report);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->rows[1].p50_us, std::nullopt);
  EXPECT_EQ(parsed->circumstances.at("cpu"), "unknown");
}

TEST(ParseReport, SaysWhatIsNoReport) {
  for (const json& other : {json(nullptr), json(7), json::array(), json::object(), json{{"version", "1"}},
                            json{{"version", 1}}, json{{"version", 1}, {"rows", 5}}}) {
    EXPECT_EQ(refusal_of(other), "not a report of fairlead bench") << other.dump();
  }
}

TEST(ParseReport, RefusesAnotherVersion) {
  json report = recorded_report();
  report["version"] = 2;
  EXPECT_EQ(refusal_of(report), "a report of version 2, this program reads version 1");
}

TEST(ParseReport, RefusesRowsThatCannotBeCompared) {
  const auto with = [](const char* where, json value) {
    json report = recorded_report();
    report[json::json_pointer(where)] = std::move(value);
    return refusal_of(report);
  };
  for (const json& name : {json(nullptr), json(1), json(""), json("a|b"), json("a\nb"), json("\x1b[2J")}) {
    EXPECT_EQ(with("/rows/1/path", name), "not a report: a row has no path, placement or load") << name.dump();
  }
  for (const json& time : {json(nullptr), json("1"), json(0), json(-1.0)}) {
    EXPECT_EQ(with("/rows/1/rounds/3/direct_us", time),
              "not a report: node-http one-core http-c1: a round without its times");
  }
  for (const json& rounds : {json(nullptr), json::array()}) {
    EXPECT_EQ(with("/rows/1/rounds", rounds), "not a report: node-http one-core http-c1: no rounds");
  }
  EXPECT_EQ(with("/rows/2/path", "node-http"), "not a report: node-http one-core http-c1 is there twice");
}

TEST(ParseReport, KeepsWhatIsShownInItsLine) {
  json report = recorded_report();
  report["machine"]["cpu"] = "a\x1b[2J|b\nc";
  EXPECT_EQ(parse_report(report)->circumstances.at("cpu"), "a [2J b c");
}

TEST(LoadReport, PutsTheFileInFrontOfWhatIsWrong) {
  const test::TemporaryDirectory directory;
  const std::string file = directory / "report.json", absent = directory / "absent.json";
  const auto refusal = [&](const std::string& text) {
    EXPECT_TRUE(host::replace_file(file, text));
    const auto report = load_report(file);
    return report ? "none" : report.error().message();
  };
  EXPECT_EQ(refusal(""), file + ": not JSON");
  EXPECT_EQ(refusal("{\"version\": 1, \"rows\""), file + ": not JSON");
  EXPECT_EQ(refusal("{}"), file + ": not a report of fairlead bench");
  EXPECT_EQ(refusal(recorded_report().dump()), "none");
  EXPECT_EQ(load_report(absent).error().message(), absent + ": No such file or directory");
}

}  // namespace
}  // namespace fairlead::bench
