// Decides only: directories stand for pins and cgroups, nothing of the kernel's is touched.
#include "agent/host/sweep.h"

#include "agent/host/hash.h"
#include "tests/unit/host/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace fairlead::host {
namespace {

using test::TemporaryDirectory;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Sweep : public testing::Test {
 protected:
  Sweep() {
    for (const std::string& directory : {places_.index, places_.pin_root, places_.cgroup_root}) {
      std::filesystem::create_directory(directory);
    }
  }

  std::vector<std::string> found(SweepScope scope) const {
    std::vector<std::string> hashes;
    for (const Leftover& leftover : find_leftovers(places_, scope)) {
      hashes.push_back(leftover.hash);
    }
    return hashes;
  }

  void leave_pins_and_cgroup(const std::string& hash) const {
    std::filesystem::create_directory(places_.pin_root + "/" + hash);
    std::filesystem::create_directory(places_.cgroup_root + "/fairlead-" + hash);
  }

  TemporaryDirectory place_;
  SweepPlaces places_{place_ / "index", place_ / "pins", place_ / "cgroup"};
};

TEST_F(Sweep, ALivingAgentKeepsWhatIsItsOwn) {
  const auto agent = RunDir::claim(place_ / "run", "", places_.index);
  leave_pins_and_cgroup(agent->hash());
  EXPECT_THAT(found(SweepScope::kAbandoned), IsEmpty());
  EXPECT_THAT(found(SweepScope::kUnowned), IsEmpty());
}

TEST_F(Sweep, ALivingAgentKeepsItEvenWithoutItsRunDir) {
  const auto agent = RunDir::claim(place_ / "run", "", places_.index);
  leave_pins_and_cgroup(agent->hash());
  std::filesystem::remove_all(place_ / "run");
  EXPECT_THAT(found(SweepScope::kUnowned), IsEmpty());
}

TEST_F(Sweep, ADeadAgentsRunDirKeepsItForTheNextOne) {
  const std::string hash = RunDir::claim(place_ / "run", "", places_.index)->hash();
  leave_pins_and_cgroup(hash);
  EXPECT_THAT(found(SweepScope::kAbandoned), IsEmpty());
  EXPECT_THAT(found(SweepScope::kUnowned), ElementsAre(hash));
}

TEST_F(Sweep, WithoutRunDirNobodyCanComeBackForIt) {
  const std::string hash = RunDir::claim(place_ / "run", "", places_.index)->hash();
  leave_pins_and_cgroup(hash);
  std::filesystem::remove_all(place_ / "run");
  EXPECT_THAT(found(SweepScope::kAbandoned), ElementsAre(hash));
}

TEST_F(Sweep, AnEntryKnowsAPinDirectoryElsewhere) {
  const std::string hash = RunDir::claim(place_ / "run", "/elsewhere/pins", places_.index)->hash();
  const auto leftovers = find_leftovers(places_, SweepScope::kUnowned);
  ASSERT_EQ(leftovers.size(), 1U);
  EXPECT_EQ(leftovers[0].pin_dir, "/elsewhere/pins");
  EXPECT_EQ(leftovers[0].cgroup, places_.cgroup_root + "/fairlead-" + hash);
}

TEST_F(Sweep, WhatNoEntrySpeaksOfGoesIfItsNameIsOurs) {
  leave_pins_and_cgroup(short_hash("/somewhere"));
  std::filesystem::create_directory(places_.pin_root + "/someone-elses");
  std::filesystem::create_directory(places_.cgroup_root + "/fairlead-bench");
  std::filesystem::create_directory(places_.cgroup_root + "/" + short_hash("/other"));
  EXPECT_THAT(found(SweepScope::kAbandoned), UnorderedElementsAre(short_hash("/somewhere")));
}

TEST_F(Sweep, AnAgentThatCameMeanwhileIsLeftAlone) {
  const std::string hash = RunDir::claim(place_ / "run", "", places_.index)->hash();
  leave_pins_and_cgroup(hash);
  const auto leftovers = find_leftovers(places_, SweepScope::kUnowned);
  ASSERT_EQ(leftovers.size(), 1U);
  const auto agent = RunDir::claim(place_ / "run", "", places_.index);
  EXPECT_TRUE(remove_leftover(leftovers[0], places_));
  EXPECT_TRUE(std::filesystem::exists(leftovers[0].cgroup));
}

}  // namespace
}  // namespace fairlead::host
