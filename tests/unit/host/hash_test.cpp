#include "agent/host/hash.h"

#include <gtest/gtest.h>

namespace fairlead::host {
namespace {

// Known values of FNV-1a: names on disk and in bpffs must not change with a new build.
TEST(ShortHash, IsFnv1a) {
  EXPECT_EQ(short_hash(""), "cbf29ce484222325");
  EXPECT_EQ(short_hash("a"), "af63dc4c8601ec8c");
}

TEST(ShortHash, TellsRunDirsApart) { EXPECT_NE(short_hash("/run/fairlead"), short_hash("/run/fairlead2")); }

TEST(IsShortHash, TakesItsOwnAndNothingElse) {
  EXPECT_TRUE(is_short_hash(short_hash("/run/fairlead")));
  for (const char* name : {"", "..", "cbf29ce48422232", "cbf29ce4842223255", "CBF29CE484222325", "cbf29ce48422232g"}) {
    EXPECT_FALSE(is_short_hash(name)) << name;
  }
}

}  // namespace
}  // namespace fairlead::host
