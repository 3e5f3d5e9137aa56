#include "agent/ctl/duration.h"

#include <gtest/gtest.h>

namespace fairlead::ctl {
namespace {

using std::chrono::milliseconds;

TEST(ParseDuration, TakesUnits) {
  EXPECT_EQ(parse_duration("20s"), milliseconds(20'000));
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("1.5m"), milliseconds(90'000));
  EXPECT_EQ(parse_duration("2h"), milliseconds(7'200'000));
  EXPECT_EQ(parse_duration("3"), milliseconds(3000));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
}

TEST(ParseDuration, TakesNothingElse) {
  for (const char* text : {"", "s", "-1s", "1 s", "1d", "20seconds", "nan", "inf", "1e300h", "99999999999999999999h"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace fairlead::ctl
