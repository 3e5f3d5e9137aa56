#include "userspace-proxy/http/h1.h"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

namespace fairlead::http {
namespace {

std::string date(int64_t seconds) {
  std::string out;
  append_date(out, seconds);
  return out;
}

TEST(Write, DatesAreWrittenAsHttpHasThem) {
  EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110 section 5.6.7
  EXPECT_EQ(date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(Write, DatesAreThoseOfTheCLibrary) {
  std::mt19937_64 random(3);
  std::uniform_int_distribution<int64_t> seconds(-62135596800, 253402300799);  // years 1 to 9999
  for (int round = 0; round < 20'000; ++round) {
    const time_t when = seconds(random);
    tm parts{};
    ASSERT_NE(gmtime_r(&when, &parts), nullptr);
    char expected[64];
    ASSERT_NE(strftime(expected, sizeof expected, "%a, %d %b ", &parts), 0U);
    char rest[64];
    snprintf(rest, sizeof rest, "%04d %02d:%02d:%02d GMT", parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
             parts.tm_sec);
    ASSERT_EQ(date(when), std::string(expected) + rest) << when;
  }
}

TEST(Write, ConfiguredValueBeginsNoLineOfItsOwn) {
  std::string out;
  append_field(out, "X-A", std::string_view("a\r\nX-B: b\0c", 11));
  EXPECT_EQ(out, "X-A: a  X-B: b c\r\n");
}

TEST(Write, ChunksCarryTheirSizeInHex) {
  std::string out = "before ";
  append_chunk(out, std::string(26, 'x'));
  append_chunk(out, "");
  append_last_chunk(out);
  EXPECT_EQ(out, "before 1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
}

TEST(Write, StatusesHaveTheirPhrases) {
  EXPECT_EQ(phrase_of(200), "OK");
  EXPECT_EQ(phrase_of(431), "Request Header Fields Too Large");
  EXPECT_EQ(phrase_of(299), "Unknown");
}

}  // namespace
}  // namespace fairlead::http
