// Text conditions and the header values that they are asked about.
#include "tests/unit/config/request.h"
#include "userspace-proxy/config/header_value.h"
#include "userspace-proxy/config/string_match.h"

#include <gtest/gtest.h>

namespace fairlead::config {
namespace {

using test::Request;

TEST(StringMatch, ExactPrefixAndPresence) {
  EXPECT_TRUE(StringMatch::exact("a").matches("a"));
  EXPECT_FALSE(StringMatch::exact("a").matches("ab"));
  EXPECT_FALSE(StringMatch::exact("a").matches("A"));
  EXPECT_TRUE(StringMatch::prefix("a").matches("ab"));
  EXPECT_FALSE(StringMatch::prefix("ab").matches("a"));
  EXPECT_TRUE(StringMatch::present().matches("x"));
  EXPECT_FALSE(StringMatch::present().matches(""));
}

TEST(StringMatch, ARegexMatchesTheWholeText) {
  const StringMatch match = StringMatch::regex("a|b+").value();
  EXPECT_TRUE(match.matches("bbb"));
  EXPECT_FALSE(match.matches("ab"));
  EXPECT_TRUE(StringMatch::regex("(?i)LOGIN").value().matches("login"));
  EXPECT_TRUE(StringMatch::regex(".*").value().matches(""));
  EXPECT_FALSE(StringMatch::regex("a.c").value().matches(std::string_view("a\nc")));
}

TEST(StringMatch, WhatRe2RefusesIsAnErrorWithThePattern) {
  for (const char* pattern : {"(", "a**", "(?=a)", "\\1", "*", "a{2000}"}) {
    const auto match = StringMatch::regex(pattern);
    ASSERT_FALSE(match) << pattern;
    EXPECT_NE(match.error().message().find(pattern), std::string::npos) << match.error().message();
  }
}

TEST(StringMatch, APatternThatNeedsMuchMemoryIsTakenAsRe2TakesIt) {
  // A Unicode class compiles to some hundred instructions of 16 bytes, each repetition to as many again.
  const auto match = StringMatch::regex("\\p{L}{100}");
  ASSERT_TRUE(match) << match.error().message();
  EXPECT_TRUE(match->matches(std::string(100, 'a')));
  EXPECT_FALSE(match->matches(std::string(99, 'a')));
  EXPECT_FALSE(StringMatch::regex("\\p{L}{1000}")) << "beyond RE2's own limit";
}

TEST(StringMatch, GlobsHaveOneAsteriskAtAnEnd) {
  const auto fits = [](std::string_view glob, std::string_view text) { return StringMatch::glob(glob).matches(text); };
  EXPECT_TRUE(fits("a*", "abc"));
  EXPECT_TRUE(fits("*c", "abc"));
  EXPECT_FALSE(fits("*b", "abc"));
  EXPECT_TRUE(fits("*", "abc"));
  EXPECT_FALSE(fits("*", ""));
  EXPECT_TRUE(fits("abc", "abc"));
  EXPECT_TRUE(fits("a*c", "a*c"));
  EXPECT_FALSE(fits("a*c", "abc"));
  EXPECT_TRUE(fits("*a*", "xa*")) << "a suffix goes first, its asterisk is a character";
  EXPECT_TRUE(StringMatch::glob("*").is_presence());
  EXPECT_FALSE(StringMatch::glob("a*").is_presence());
}

TEST(StringMatch, CaseIsIgnoredOnRequestButNotByRegex) {
  EXPECT_TRUE(StringMatch::exact("Ab").matches_ignoring_case("aB"));
  EXPECT_TRUE(StringMatch::prefix("Ab").matches_ignoring_case("aBc"));
  EXPECT_FALSE(StringMatch::prefix("Abc").matches_ignoring_case("aB"));
  EXPECT_TRUE(StringMatch::glob("*Bc").matches_ignoring_case("abC"));
  EXPECT_FALSE(StringMatch::glob("*aBc").matches_ignoring_case("bC"));
  EXPECT_FALSE(StringMatch::regex("ab").value().matches_ignoring_case("aB"));
  EXPECT_TRUE(StringMatch::present().matches_ignoring_case("a"));
}

TEST(HeaderValue, FieldsOfOneNameAreJoinedWhateverTheirCase) {
  Request request("/");
  request.with({{"X-A", "1"}, {"x-b", "2"}, {"x-a", "3"}});
  std::string scratch;
  EXPECT_EQ(header_value(request.head(), "x-a", scratch), "1,3");
  EXPECT_EQ(header_value(request.head(), "x-b", scratch), "2");
  EXPECT_EQ(header_value(request.head(), "x-c", scratch), std::nullopt);
}

TEST(HeaderValue, PseudoHeadersComeFromTheRequestLine) {
  const Request request("/a?b=c", "PUT", "web:80"), plain("/a");
  std::string scratch;
  EXPECT_EQ(header_value(request.head(), ":path", scratch), "/a?b=c");
  EXPECT_EQ(header_value(plain.head(), ":path", scratch), "/a");
  EXPECT_EQ(header_value(request.head(), ":method", scratch), "PUT");
  EXPECT_EQ(header_value(request.head(), ":authority", scratch), "web:80");
  EXPECT_EQ(header_value(request.head(), ":scheme", scratch), "http");
  EXPECT_EQ(header_value(request.head(), ":status", scratch), std::nullopt);
}

TEST(HeaderValue, TheAuthorityThatCountsIsTheHost) {
  Request request("/");
  http::RequestHead head = request.head();
  head.authority = "absolute.example";
  std::string scratch;
  EXPECT_EQ(header_value(head, "host", scratch), "absolute.example");
}

}  // namespace
}  // namespace fairlead::config
