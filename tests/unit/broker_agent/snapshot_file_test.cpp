#include "agent/broker/snapshot_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace fairlead::agent_broker {
namespace {

TEST(SnapshotFile, HoldsTheBytesAndCannotBeChanged) {
  const std::string bytes(100'000, 'x');
  const auto file = make_snapshot_file(7, bytes);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->size, bytes.size());
  std::string read(bytes.size() + 1, '\0');
  EXPECT_EQ(pread(file->fd->get(), read.data(), read.size(), 0), static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(read.substr(0, bytes.size()), bytes);

  EXPECT_EQ(pwrite(file->fd->get(), "y", 1, 0), -1);
  EXPECT_EQ(ftruncate(file->fd->get(), 0), -1);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd->get(), 0), MAP_FAILED);
}

TEST(SnapshotFile, MayBeEmpty) {
  const auto file = make_snapshot_file(1, "");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size, 0U);
}

}  // namespace
}  // namespace fairlead::agent_broker
