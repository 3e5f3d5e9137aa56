#include "agent/host/cgroup.h"

#include <gtest/gtest.h>

namespace fairlead::host {
namespace {

TEST(FindCgroup2, OnAHybridHostItIsTheUnifiedDirectory) {
  const auto found = find_cgroup2(
      "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, "/sys/fs/cgroup/unified");
}

TEST(FindCgroup2, ABindMountOfASubtreeIsNotTheHierarchy) {
  const auto found = find_cgroup2(
      "50 1 0:38 /kubepods /mnt/pods rw - cgroup2 cgroup2 rw\n"
      "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, "/sys/fs/cgroup");
}

TEST(FindCgroup2, AHostWithoutItIsToldHowToMountIt) {
  const auto found = find_cgroup2("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("mount -t cgroup2"), std::string::npos);
}

TEST(FindCgroup2, DamagedLinesAreReadOver) { EXPECT_FALSE(find_cgroup2("\n - cgroup2\n1 2 3 4 5 6 -\n")); }

TEST(Cgroup2Path, IsTheLineOfHierarchyZero) {
  EXPECT_EQ(cgroup2_path_of("3:cpu:/x\n0::/user.slice/a b\n"), "/user.slice/a b");
}

TEST(Cgroup2Path, IsTheRootWhereThereIsNone) { EXPECT_EQ(cgroup2_path_of("3:cpu:/x\n"), "/"); }

}  // namespace
}  // namespace fairlead::host
