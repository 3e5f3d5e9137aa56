#include "agent/host/capabilities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::host {
namespace {

TEST(Capabilities, NoneIsMissingForRoot) { EXPECT_TRUE(missing_capabilities(~uint64_t{0}).empty()); }

TEST(Capabilities, EachOneThatIsDroppedIsNamedAlone) {
  for (const NeededCapability& dropped : needed_capabilities()) {
    const auto missing = missing_capabilities(~(uint64_t{1} << dropped.number));
    ASSERT_EQ(missing.size(), 1U) << dropped.name;
    EXPECT_STREQ(missing.front().name, dropped.name);
  }
}

TEST(Capabilities, AllAreMissingForAnOrdinaryUser) {
  EXPECT_EQ(missing_capabilities(0).size(), needed_capabilities().size());
}

}  // namespace
}  // namespace fairlead::host
