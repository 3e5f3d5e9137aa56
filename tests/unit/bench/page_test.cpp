#include "agent/bench/page/page.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <regex>
#include <string>

namespace fairlead::bench {
namespace {

using nlohmann::json;

constexpr std::string_view kOpen = R"(<script type="application/json" id="report">)", kClose = "</script>";

// What a browser takes for the report: from its script's start to the first end tag.
std::string embedded(const std::string& page) {
  const size_t open = page.find(kOpen);
  EXPECT_NE(open, std::string::npos);
  const size_t begin = open + kOpen.size();
  return page.substr(begin, page.find(kClose, begin) - begin);
}

size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) {
    ++found;
  }
  return found;
}

TEST(ToPage, TheReportStandsInItUnchanged) {
  const json report = {
      {"version", 1}, {"rows", {{{"path", "direct"}, {"us_per_request", 30.25}}}}, {"note", "µ \"{{style}}\""}};
  EXPECT_EQ(json::parse(embedded(to_page(report))), report);
}

TEST(ToPage, NoStringOfTheReportEndsItsScriptOrBeginsAComment) {
  const json report = {{"machine", {{"cpu", "</script><script>alert(1)</script>"}, {"kernel", "<!--<script>"}}}};
  const std::string page = to_page(report);
  EXPECT_EQ(embedded(page).find('<'), std::string::npos);
  EXPECT_EQ(json::parse(embedded(page)), report);
  EXPECT_EQ(count(page, "<script"), count(to_page(json::object()), "<script"));
}

TEST(ToPage, BytesThatAreNotUtf8AreReplaced) {
  const json report = {{"machine", {{"cpu", "a\xff"}}}};
  EXPECT_EQ(json::parse(embedded(to_page(report)))["machine"]["cpu"], "a\xef\xbf\xbd");
}

TEST(ToPage, TextOfTheReportIsNotTakenForAMarkOfTheTemplate) {
  const std::string page = to_page({{"machine", {{"cpu", "{{library}}{{report}}"}}}});
  EXPECT_NE(embedded(page).find("{{library}}{{report}}"), std::string::npos);
  EXPECT_EQ(count(page, "{{"), 2U + count(to_page(json::object()), "{{"));
}

TEST(ToPage, AsksForNothing) {
  const std::string page = to_page(json::object());
  EXPECT_FALSE(std::regex_search(page, std::regex(R"re((src|href)\s*=\s*["']?\s*(https?:|//))re")));
  EXPECT_EQ(page.find("@import"), std::string::npos);
  EXPECT_EQ(page.find("url("), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(ToPage, HasEachOfItsPartsOnce) {
  const std::string page = to_page(json::object());
  EXPECT_EQ(count(page, kOpen), 1U);
  EXPECT_EQ(count(page, "<style>"), 1U);
  EXPECT_EQ(count(page, "Chart.js v"), 1U);
  EXPECT_EQ(count(page, "\nbuild();\n"), 1U);
  EXPECT_EQ(embedded(page), "{}");
}

// Sections are made by the page's script (tests/node/test_bench_page.py): none stands in the document itself.
TEST(ToPage, AnEmptyReportHasNoSection) { EXPECT_EQ(count(to_page(json::object()), "<section"), 0U); }

}  // namespace
}  // namespace fairlead::bench
