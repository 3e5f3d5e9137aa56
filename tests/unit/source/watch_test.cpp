#include "agent/source/watch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>

namespace fairlead::source {
namespace {

namespace fs = std::filesystem;

// inotify queues an event before the call that causes it returns, so nothing here waits.
class Watching : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "fairlead-watch-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    path_ = root_ / "config";
    fs::create_directory(path_);
  }
  void TearDown() override { fs::remove_all(root_); }

  static void write(const fs::path& path) { std::ofstream(path) << "x"; }
  static bool readable(const Watch& watch) {
    pollfd poll_fd{watch.fd(), POLLIN, 0};
    return poll(&poll_fd, 1, 0) == 1;
  }

  fs::path root_, path_;
};

TEST_F(Watching, TellsOfManifestsAndOfNothingElse) {
  Watch watch(path_);
  watch.refresh();
  EXPECT_FALSE(readable(watch));
  EXPECT_FALSE(watch.drain());
  write(path_ / "a.yaml");
  EXPECT_TRUE(readable(watch));
  EXPECT_TRUE(watch.drain());
  EXPECT_FALSE(watch.drain());
  for (const char* other : {".a.yaml.swp", "a.yaml~"}) {
    write(path_ / other);
    EXPECT_FALSE(watch.drain()) << other;
  }
  write(root_ / "neighbour.yaml");
  EXPECT_FALSE(watch.drain());
  fs::rename(root_ / "neighbour.yaml", path_ / "b.yaml");
  EXPECT_TRUE(watch.drain());
  fs::remove(path_ / "b.yaml");
  EXPECT_TRUE(watch.drain());
}

TEST_F(Watching, ReadingMakesNoEvents) {
  write(path_ / "a.yaml");
  Watch watch(path_);
  watch.refresh();
  std::string text;
  std::ifstream(path_ / "a.yaml") >> text;
  watch.refresh();
  EXPECT_FALSE(watch.drain());
}

TEST_F(Watching, FollowsSubFolders) {
  Watch watch(path_);
  watch.refresh();
  fs::create_directory(path_ / "extra");
  EXPECT_TRUE(watch.drain());
  watch.refresh();
  write(path_ / "extra" / "a.yaml");
  EXPECT_TRUE(watch.drain());
  fs::remove_all(path_ / "extra");
  EXPECT_TRUE(watch.drain());
}

TEST_F(Watching, NoticesThatTheDirectoryGoesAndReturns) {
  Watch watch(path_);
  watch.refresh();
  fs::rename(path_, root_ / "gone");
  EXPECT_TRUE(watch.drain());
  watch.refresh();
  write(root_ / "gone" / "a.yaml");
  EXPECT_FALSE(watch.drain());
  fs::create_directory(path_);
  EXPECT_TRUE(watch.drain());
  watch.refresh();
  write(path_ / "a.yaml");
  EXPECT_TRUE(watch.drain());
}

TEST_F(Watching, NoticesThatASymbolicLinkIsSwapped) {
  fs::create_directory(root_ / "one");
  fs::create_directory(root_ / "two");
  fs::create_directory_symlink("one", root_ / "link");
  Watch watch(root_ / "link");
  watch.refresh();
  write(root_ / "one" / "a.yaml");
  EXPECT_TRUE(watch.drain());
  fs::create_directory_symlink("two", root_ / "next");
  EXPECT_FALSE(watch.drain());
  fs::rename(root_ / "next", root_ / "link");
  EXPECT_TRUE(watch.drain());
  watch.refresh();
  write(root_ / "one" / "b.yaml");
  EXPECT_FALSE(watch.drain());
  write(root_ / "two" / "b.yaml");
  EXPECT_TRUE(watch.drain());
}

TEST_F(Watching, NoticesTheSwapOfAConfigMapVolume) {
  fs::create_directory(path_ / "..1");
  Watch watch(path_);
  watch.refresh();
  fs::create_directory_symlink("..1", path_ / "..next");
  EXPECT_FALSE(watch.drain());
  fs::rename(path_ / "..next", path_ / "..data");
  EXPECT_TRUE(watch.drain());
}

}  // namespace
}  // namespace fairlead::source
