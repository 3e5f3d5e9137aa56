#include "agent/bench/report.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace fairlead::bench {
namespace {

constexpr Load kHttp1;

Report small_report() {
  Report report;
  report.placement = "one-core";
  report.machine = {{"cpu", "test"}};
  report.method = {{"rounds", 3}};
  report.rows.push_back({{Path::kDirect, kHttp1}, {}, std::make_shared<Histogram>(), {}});
  report.rows.push_back({{Path::kNodeHttp, kHttp1}, {}, std::make_shared<Histogram>(), {}});
  for (const double direct : {10.0, 20.0, 12.0}) {
    report.rows[0].rounds.push_back({.us_per_request = direct, .direct_us = direct, .requests = 100, .used = {}});
  }
  // Per round 2.0, 1.5 and 2.5 times direct.
  const double times[] = {20, 30, 30}, direct[] = {10, 20, 12};
  for (size_t i = 0; i < 3; ++i) {
    report.rows[1].rounds.push_back(
        {.us_per_request = times[i],
         .direct_us = direct[i],
         .requests = 50,
         .p50_us = 21,
         .p99_us = 40,
         .used = {{"node-proxy", {.cpu_us = 50 * (8.0 + static_cast<double>(i)), .user_us = 1, .system_us = 3}}}});
  }
  for (uint64_t us = 1; us <= 100; ++us) {
    report.rows[1].latency->record(us * 1000);
  }
  report.not_measured.push_back({{Path::kHaproxyPair, kHttp1}, "haproxy is not installed", true});
  report.idle["agent"] = {.rss_kib = 9000, .pss_kib = 5000};
  return report;
}

// The fields that design section 7 fixes; other tools read them.
TEST(ReportJson, HasTheFieldsOfVersionOne) {
  const nlohmann::json report = to_json(small_report());
  EXPECT_EQ(report["version"], 1);
  EXPECT_TRUE(report["machine"].is_object());
  ASSERT_EQ(report["rows"].size(), 2U);
  for (const auto& row : report["rows"]) {
    EXPECT_TRUE(row["path"].is_string());
    EXPECT_TRUE(row["placement"] == "one-core" || row["placement"] == "two-cores");
    EXPECT_EQ(row["load"], "http-c1");
    EXPECT_TRUE(row["us_per_request"].is_number());
    EXPECT_TRUE(row["ratio_to_direct"].is_number());
    ASSERT_EQ(row["rounds"].size(), 3U);
    for (const auto& round : row["rounds"]) {
      EXPECT_TRUE(round["us_per_request"].is_number());
      EXPECT_TRUE(round["direct_us"].is_number());
    }
  }
}

TEST(ReportJson, RatioIsTheMedianOfTheRoundsRatiosNotTheRatioOfMedians) {
  const auto row = to_json(small_report())["rows"][1];
  EXPECT_DOUBLE_EQ(row["us_per_request"].get<double>(), 30);
  EXPECT_DOUBLE_EQ(row["ratio_to_direct"].get<double>(), 2.0);  // 30 / 12 would be 2.5
  EXPECT_DOUBLE_EQ(row["added_us"].get<double>(), 10);
  EXPECT_LE(row["ratio_interval"][0].get<double>(), 2.0);
  EXPECT_GE(row["ratio_interval"][1].get<double>(), 2.0);
  EXPECT_EQ(row["requests"], 150);
  EXPECT_DOUBLE_EQ(row["cpu_us_per_request"]["node-proxy"].get<double>(), 9);
}

TEST(ReportJson, HasTheLatenciesOfAllRoundsTogether) {
  const auto row = to_json(small_report())["rows"][1];
  EXPECT_EQ(row["latency_us"]["count"], 100);
  EXPECT_NEAR(row["latency_us"]["p50"].get<double>(), 50, 0.1);
  EXPECT_NEAR(row["latency_us"]["p99"].get<double>(), 99, 0.1);
  EXPECT_EQ(row["latency_us"]["max"], 100);
  EXPECT_EQ(row["p50_us"], 21);  // medians of the rounds' own
  EXPECT_EQ(row["p99_us"], 40);
  EXPECT_EQ(row["curve"].back(), (nlohmann::json{1.0, 100.0}));
}

TEST(ReportJson, DividesTheExactCpuTimeAsTheTicksSay) {
  const auto cpu = to_json(small_report())["rows"][1]["cpu"]["node-proxy"];
  EXPECT_DOUBLE_EQ(cpu["user_us"].get<double>(), 9 / 4.0);
  EXPECT_DOUBLE_EQ(cpu["system_us"].get<double>(), 9 * 3 / 4.0);
}

TEST(ReportJson, DirectIsOneTimesItself) {
  const auto row = to_json(small_report())["rows"][0];
  EXPECT_DOUBLE_EQ(row["ratio_to_direct"].get<double>(), 1);
  EXPECT_EQ(row["ratio_interval"], (nlohmann::json{1.0, 1.0}));
}

TEST(ReportJson, NamesTheRowsThatTheRunDoesNotTellApart) {
  Report report = small_report();
  const auto named = to_json(report)["rows"];
  EXPECT_EQ(named[0]["indistinguishable_from"], nlohmann::json::array());
  EXPECT_EQ(named[1]["indistinguishable_from"], nlohmann::json::array());
  for (size_t i = 0; i < report.rows[1].rounds.size(); ++i) {  // now above it, now below
    report.rows[1].rounds[i].us_per_request = report.rows[0].rounds[i].us_per_request * (i % 2 == 0 ? 0.9 : 1.1);
  }
  const auto alike = to_json(report)["rows"];
  EXPECT_EQ(alike[0]["indistinguishable_from"], nlohmann::json({"node-http"}));
  EXPECT_EQ(alike[1]["indistinguishable_from"], nlohmann::json({"direct"}));
}

TEST(ReportJson, HasHowMemoryGrowsAndWhatPrometheusRead) {
  Report report = small_report();
  EXPECT_FALSE(to_json(report).contains("memory_by_pods"));
  EXPECT_FALSE(to_json(report).contains("prometheus"));
  report.memory_by_pods = {{.mode = "node", .pods = 12, .agent_kib = 7000, .proxies_kib = 2700}};
  report.memory_by_connections = {
      {.path = Path::kNodeHttp, .connections = 100, .proxies_kib = 3000, .socket_kib = 600},
      {.path = Path::kDirect, .connections = 100, .proxies_kib = 0, .socket_kib = std::nullopt}};
  report.scraped = Scraped{.version = "2.42.0", .sent = 5000, .source = 5000, .destination = 4999, .scrapes = 10};
  const auto json = to_json(report);
  EXPECT_EQ(json["memory_by_pods"][0],
            (nlohmann::json{{"mode", "node"}, {"pods", 12}, {"agent_kib", 7000}, {"proxies_kib", 2700}}));
  EXPECT_EQ(json["memory_by_connections"][0]["socket_kib"], 600);
  EXPECT_FALSE(json["memory_by_connections"][1].contains("socket_kib"));
  EXPECT_EQ(json["prometheus"]["scraped_destination"], 4999);
  const std::string text = to_markdown(report);
  EXPECT_NE(text.find("5000 requests sent, 5000 read by Prometheus at the source, 4999 at the destination"),
            std::string::npos);
}

TEST(ReportJson, NamesWhatWasNotMeasuredAndWhy) {
  const auto cells = to_json(small_report())["not_measured"];
  ASSERT_EQ(cells.size(), 1U);
  EXPECT_EQ(cells[0]["path"], "haproxy-pair");
  EXPECT_EQ(cells[0]["why"], "missing");
  EXPECT_EQ(cells[0]["reason"], "haproxy is not installed");
}

TEST(ReportMarkdown, HasOneTableLinePerRowAndSaysWhatIsMissing) {
  const std::string text = to_markdown(small_report());
  EXPECT_NE(text.find("| http-c1 | node-http |       30.0 |            2.00 |"), std::string::npos) << text;
  EXPECT_NE(text.find("haproxy-pair http-c1: not measured: haproxy is not installed"), std::string::npos) << text;
  EXPECT_EQ(std::ranges::count(text, '\t'), 0);
}

TEST(ReportMarkdown, SaysOncePerPathWhyItIsMissing) {
  Report report = small_report();
  report.not_measured = {{{Path::kEnvoyPair, {.connections = 1}}, "no envoy", true},
                         {{Path::kEnvoyPair, {.connections = 64}}, "no envoy", true},
                         {{Path::kNodeHttp, {.connections = 64}}, "a request failed", false}};
  const std::string text = to_markdown(report);
  EXPECT_NE(text.find("\nenvoy-pair http-c1, http-c64: not measured: no envoy\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nnode-http http-c64: FAILED: a request failed\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace fairlead::bench
