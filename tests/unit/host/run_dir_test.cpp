#include "agent/host/run_dir.h"

#include "tests/unit/host/temporary_directory.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

namespace fairlead::host {
namespace {

using test::TemporaryDirectory;

TEST(RunDir, ASecondAgentIsRefusedAndToldWho) {
  const TemporaryDirectory place;
  const auto first = RunDir::claim(place / "run", "", place / "index");
  ASSERT_TRUE(first) << first.error().message();
  const auto second = RunDir::claim(place / "run", "", place / "index");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find("another fairlead-agent (pid " + std::to_string(getpid()) + ")"),
            std::string::npos)
      << second.error().message();
}

TEST(RunDir, OtherSpellingsOfThePathAreTheSameRunDir) {
  const TemporaryDirectory place;
  std::filesystem::create_directory(place / "run");
  std::filesystem::create_directory_symlink(place / "run", place / "link");
  const auto first = RunDir::claim(place / "run", "", place / "index");
  ASSERT_TRUE(first);
  EXPECT_FALSE(RunDir::claim(place / "link", "", place / "index"));
  EXPECT_FALSE(RunDir::claim(place / "x/../run//", "", place / "index"));
}

TEST(RunDir, TwoRunDirsLiveSideBySide) {
  const TemporaryDirectory place;
  const auto first = RunDir::claim(place / "a", "", place / "index");
  const auto second = RunDir::claim(place / "b", "", place / "index");
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_NE(first->hash(), second->hash());
  EXPECT_NE(first->pin_dir(), second->pin_dir());
}

TEST(RunDir, AnEntryIsLiveWhileItsAgentIsAndTellsWhereItWas) {
  const TemporaryDirectory place;
  std::optional<RunDir> agent(*RunDir::claim(place / "run", "/pins/here", place / "index"));
  auto entries = read_index(place / "index");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(entries[0].live);
  EXPECT_EQ(entries[0].run_dir, absolute_path(place / "run"));
  EXPECT_EQ(entries[0].pin_dir, "/pins/here");
  EXPECT_EQ(entries[0].pid, getpid());

  agent.reset();  // as the kernel does for an agent that is killed: descriptors closed, files left
  entries = read_index(place / "index");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_FALSE(entries[0].live);
}

TEST(RunDir, AProcessThatIsKilledLeavesItFree) {
  const TemporaryDirectory place;
  const pid_t child = fork();
  if (child == 0) {
    const auto claimed = RunDir::claim(place / "run", "", place / "index");
    _exit(claimed ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(RunDir::claim(place / "run", "", place / "index"));
}

TEST(RunDir, ForgettingLeavesTheOverridesAndNoIndexEntry) {
  const TemporaryDirectory place;
  auto agent = *RunDir::claim(place / "run", "", place / "index");
  std::ofstream(agent.modes_path()) << "{}";
  agent.forget();
  EXPECT_TRUE(read_index(place / "index").empty());
  EXPECT_TRUE(std::filesystem::exists(agent.modes_path()));
  EXPECT_FALSE(std::filesystem::exists(place / "run/agent.lock"));
}

TEST(ReadIndex, ReadsOverWhatIsNoEntry) {
  const TemporaryDirectory place;
  std::ofstream(place / "README") << "hello";
  std::ofstream(place / "0123456789abcdef") << "not json";
  const auto entries = read_index(place.path());
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].run_dir, "");
  EXPECT_FALSE(entries[0].live);
}

}  // namespace
}  // namespace fairlead::host
