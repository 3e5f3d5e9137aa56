#include "agent/source/directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace fairlead::source {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string service(const std::string& name, int port) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         ", namespace: shop}\nspec: {ports: [{port: " + std::to_string(port) + "}]}\n";
}

class Directory : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "fairlead-source-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    path_ = root_ / "config";
    fs::create_directory(path_);
  }
  void TearDown() override { fs::remove_all(root_); }

  // The way every careful writer does it: whole, by a rename.
  void put(const std::string& name, const std::string& text) const {
    const fs::path draft = root_ / "draft";
    std::ofstream(draft, std::ios::binary) << text;
    fs::rename(draft, path_ / name);
  }
  // An old file, so that nothing but its identity tells whether it changed.
  void age(const std::string& name) const {
    fs::last_write_time(path_ / name, fs::last_write_time(path_ / name) - std::chrono::hours(1));
  }

  static std::vector<std::string> keys(const Listing& listing) {
    std::vector<std::string> found;
    for (const auto& [key, object] : listing.objects->objects) {
      found.push_back(key.text());
    }
    return found;
  }
  static int port(const Listing& listing, const std::string& name) {
    const auto found = listing.objects->objects.find({"Service", "shop", name});
    return found == listing.objects->objects.end() ? 0 : std::get<model::Service>(found->second).ports.at(0).port;
  }
  static std::vector<std::string> lines(const std::vector<model::Message>& messages) {
    std::vector<std::string> found;
    for (const model::Message& message : messages) {
      found.push_back(message.code + " " + message.line());
    }
    return found;
  }

  fs::path root_, path_;
};

TEST_F(Directory, ReadsManifestsAndOneLevelOfFolders) {
  fs::create_directories(path_ / "extra" / "deeper");
  fs::create_directories(path_ / ".git");
  put("a.yaml", service("a", 1));
  put("b.yml", service("b", 2));
  put("c.json", R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})");
  put("extra/d.yaml", service("d", 4));
  for (const char* ignored :
       {".hidden.yaml", "e.yaml~", "#f.yaml#", "g.txt", "h.yaml.swp", "extra/deeper/i.yaml", ".git/j.yaml"}) {
    put(ignored, service("ignored", 9));
  }
  DirectorySource source(path_.string() + "/");
  const Listing listing = source.scan();
  EXPECT_THAT(keys(listing), ElementsAre("Namespace/shop", "Service/shop/a", "Service/shop/b", "Service/shop/d"));
  EXPECT_TRUE(listing.changed);
  EXPECT_THAT(listing.messages, IsEmpty());
}

TEST_F(Directory, SaysWhetherSomethingChanged) {
  put("a.yaml", service("a", 1));
  DirectorySource source(path_);
  EXPECT_TRUE(source.scan().changed);
  EXPECT_FALSE(source.scan().changed);
  put("a.yaml", "# only a comment\n" + service("a", 1));
  EXPECT_FALSE(source.scan().changed);
  put("a.yaml", service("a", 2));
  const Listing listing = source.scan();
  EXPECT_TRUE(listing.changed);
  EXPECT_EQ(port(listing, "a"), 2);
}

TEST_F(Directory, AnEmptyOneChangesOnlyOnce) {
  DirectorySource source(path_);
  EXPECT_TRUE(source.scan().changed);
  EXPECT_FALSE(source.scan().changed);
}

TEST_F(Directory, ARefusedObjectKeepsItsLastGoodVersion) {
  put("a.yaml", service("a", 1) + "---\n" + service("b", 2));
  DirectorySource source(path_);
  source.scan();
  put("a.yaml", service("a", 70000) + "---\n" + service("b", 3));
  Listing listing = source.scan();
  EXPECT_EQ(port(listing, "a"), 1);
  EXPECT_EQ(port(listing, "b"), 3);
  EXPECT_THAT(lines(listing.messages),
              ElementsAre(HasSubstr("/config/a.yaml:4: Service/shop/a: spec.ports[0].port: is 70000")));
  EXPECT_THAT(listing.messages[0].text, HasSubstr("the last good version stays in force"));
  EXPECT_FALSE(source.scan().changed);
  EXPECT_EQ(port(source.scan(), "a"), 1);
  put("a.yaml", service("a", 5) + "---\n" + service("b", 3));
  listing = source.scan();
  EXPECT_EQ(port(listing, "a"), 5);
  EXPECT_THAT(listing.messages, IsEmpty());
}

TEST_F(Directory, ARefusedObjectWithoutALastGoodVersionIsNotThere) {
  put("a.yaml", service("a", 70000));
  DirectorySource source(path_);
  const Listing listing = source.scan();
  EXPECT_THAT(keys(listing), IsEmpty());
  ASSERT_EQ(listing.messages.size(), 1u);
  EXPECT_THAT(listing.messages[0].text, testing::Not(HasSubstr("last good")));
}

TEST_F(Directory, ASyntaxErrorKeepsAllObjectsOfTheFileAndIsOneMessage) {
  put("a.yaml", service("a", 1) + "---\n" + service("b", 2));
  put("c.yaml", service("c", 3));
  DirectorySource source(path_);
  source.scan();
  put("a.yaml", "kind: [\nname: x\n");
  put("c.yaml", service("c", 4));
  const Listing listing = source.scan();
  EXPECT_THAT(keys(listing), ElementsAre("Service/shop/a", "Service/shop/b", "Service/shop/c"));
  EXPECT_EQ(port(listing, "c"), 4);
  ASSERT_EQ(listing.messages.size(), 1u);
  EXPECT_EQ(listing.messages[0].code, "FL0001");
  EXPECT_GT(listing.messages[0].origin.line, 0);
  fs::remove(path_ / "a.yaml");
  EXPECT_THAT(keys(source.scan()), ElementsAre("Service/shop/c"));
}

TEST_F(Directory, ADeletedFileTakesItsObjectsAlong) {
  put("a.yaml", service("a", 1));
  put("b.yaml", service("b", 2));
  DirectorySource source(path_);
  source.scan();
  fs::remove(path_ / "a.yaml");
  const Listing listing = source.scan();
  EXPECT_TRUE(listing.changed);
  EXPECT_THAT(keys(listing), ElementsAre("Service/shop/b"));
}

TEST_F(Directory, AnObjectThatMovesToAnotherFileStays) {
  put("a.yaml", service("a", 1));
  DirectorySource source(path_);
  source.scan();
  fs::rename(path_ / "a.yaml", path_ / "z.yaml");
  EXPECT_FALSE(source.scan().changed);
  // Moved again, and refused there: the last good version is known by its key, not by its file.
  fs::remove(path_ / "z.yaml");
  put("b.yaml", service("a", 70000));
  EXPECT_EQ(port(source.scan(), "a"), 1);
}

TEST_F(Directory, OfTwoFilesWithTheSameObjectTheFirstByNameCounts) {
  put("b.yaml", service("a", 2));
  DirectorySource source(path_);
  source.scan();
  put("a.yaml", service("a", 1));
  const Listing listing = source.scan();
  EXPECT_EQ(port(listing, "a"), 1);
  ASSERT_EQ(listing.messages.size(), 1u);
  EXPECT_EQ(listing.messages[0].code, "FL0003");
  EXPECT_THAT(listing.messages[0].line(), HasSubstr("/b.yaml:1:"));
  EXPECT_THAT(listing.messages[0].text, HasSubstr("/a.yaml:1"));
  fs::remove(path_ / "a.yaml");
  EXPECT_EQ(port(source.scan(), "a"), 2);
}

TEST_F(Directory, UnknownKindsAreReportedOncePerKind) {
  const std::string deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ";
  put("a.yaml", deployment + "a}\n---\n" + deployment + "b}\n");
  put("b.yaml", deployment + "c}\n");
  DirectorySource source(path_);
  EXPECT_THAT(source.scan().messages, testing::SizeIs(1));
}

TEST_F(Directory, NewsAreWhatTheLastScanDidNotSay) {
  put("a.yaml", service("a", 70000));
  DirectorySource source(path_);
  EXPECT_THAT(source.scan().news, testing::SizeIs(1));
  EXPECT_THAT(source.scan().news, IsEmpty());
  put("b.yaml", service("b", 70000));
  const Listing listing = source.scan();
  EXPECT_THAT(listing.messages, testing::SizeIs(2));
  ASSERT_EQ(listing.news.size(), 1u);
  EXPECT_EQ(listing.news[0].object, "Service/shop/b");
}

// A write that leaves size and times as they were is seen as long as the file was young when it was read.
TEST_F(Directory, AFileThatWasJustWrittenIsReadAgain) {
  put("a.yaml", service("a", 1));
  DirectorySource source(path_);
  source.scan();
  struct stat before{};
  ASSERT_EQ(stat((path_ / "a.yaml").c_str(), &before), 0);
  std::fstream(path_ / "a.yaml", std::ios::in | std::ios::out | std::ios::binary) << service("a", 2);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, (path_ / "a.yaml").c_str(), times, 0), 0);
  EXPECT_EQ(port(source.scan(), "a"), 2);
}

TEST_F(Directory, AnOldFileOfANewTimeIsReadAgain) {
  put("a.yaml", service("a", 1));
  age("a.yaml");
  DirectorySource source(path_);
  source.scan();
  put("a.yaml", service("a", 2));
  age("a.yaml");
  EXPECT_EQ(port(source.scan(), "a"), 2);
}

TEST_F(Directory, AVanishedDirectoryKeepsEverythingAndIsToldUntilItReturns) {
  put("a.yaml", service("a", 1));
  DirectorySource source(path_);
  source.scan();
  fs::rename(path_, root_ / "gone");
  Listing listing = source.scan();
  EXPECT_FALSE(listing.changed);
  EXPECT_EQ(port(listing, "a"), 1);
  EXPECT_THAT(lines(listing.messages), Contains(HasSubstr("FL0008")));
  fs::create_directory(path_);
  put("b.yaml", service("b", 2));
  listing = source.scan();
  EXPECT_THAT(keys(listing), ElementsAre("Service/shop/b"));
  EXPECT_THAT(listing.messages, IsEmpty());
}

TEST_F(Directory, ADirectoryThatWasNeverThereIsEmptyAndTold) {
  DirectorySource source(root_ / "nowhere");
  const Listing listing = source.scan();
  EXPECT_TRUE(listing.changed);
  EXPECT_THAT(listing.objects->objects, testing::SizeIs(0));
  EXPECT_THAT(listing.messages, testing::SizeIs(1));
}

TEST_F(Directory, FollowsTheSwapOfAConfigMapVolume) {
  const auto version = [&](const std::string& name, int number) {
    fs::create_directory(path_ / name);
    std::ofstream(path_ / name / "a.yaml") << service("a", number);
    fs::create_symlink(name, path_ / "..next");
    fs::rename(path_ / "..next", path_ / "..data");
  };
  version("..1", 1);
  fs::create_symlink("..data/a.yaml", path_ / "a.yaml");
  DirectorySource source(path_);
  EXPECT_EQ(port(source.scan(), "a"), 1);
  version("..2", 2);
  EXPECT_EQ(port(source.scan(), "a"), 2);
}

TEST_F(Directory, OnlyRegularFilesAreRead) {
  ASSERT_EQ(mkfifo((path_ / "a.yaml").c_str(), 0600), 0);
  fs::create_symlink("nowhere", path_ / "b.yaml");
  fs::create_directory(path_ / "c.yaml");
  DirectorySource source(path_);
  const Listing listing = source.scan();
  EXPECT_THAT(listing.messages, IsEmpty());
  EXPECT_THAT(keys(listing), IsEmpty());
}

}  // namespace
}  // namespace fairlead::source
