#include "userspace-proxy/telemetry/utf8.h"

#include <gtest/gtest.h>

namespace fairlead::telemetry {
namespace {

constexpr const char* kReplacement = "\xef\xbf\xbd";

std::string repeated(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += kReplacement;
  }
  return text;
}

TEST(ValidUtf8, LeavesWellFormedTextAlone) {
  for (const std::string_view text :
       {"", "shop/client", "z\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(valid_utf8(text), text);
  }
  EXPECT_EQ(valid_utf8(std::string_view("a\0b", 3)), std::string_view("a\0b", 3));
}

TEST(ValidUtf8, ReplacesEachByteThatIsPartOfNoCharacter) {
  // Lone tail, lone heads, overlong forms, surrogates, beyond U+10FFFF, cut characters.
  for (const std::string_view bytes :
       {"\x80", "\xff", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98"}) {
    EXPECT_EQ(valid_utf8(bytes), repeated(bytes.size()));
  }
}

TEST(ValidUtf8, GoesOnBehindABrokenCharacter) {
  EXPECT_EQ(valid_utf8("a\xe2\x82z\xc3\xbc"), "a" + repeated(2) + "z\xc3\xbc");
}

}  // namespace
}  // namespace fairlead::telemetry
