#include "userspace-proxy/proxy/snapshot_store.h"

#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/config/snapshot.pb.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace fairlead::proxy {
namespace {

Fd memory(const std::string& bytes, int seals) {
  Fd fd(memfd_create("snapshot", MFD_ALLOW_SEALING | MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, seals), 0);
  return fd;
}

std::string wire(uint64_t generation) {
  config::wire::Snapshot snapshot;
  snapshot.set_generation(generation);
  snapshot.set_trust_domain("cluster.local");
  return snapshot.SerializeAsString();
}

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

TEST(SnapshotStore, builds_a_generation_once_for_all_workers) {
  SnapshotStore store;
  const std::string bytes = wire(5);
  const Fd fd = memory(bytes, kSeals);
  const auto first = store.get(5, fd.get(), bytes.size());
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ((*first)->generation(), 5u);
  const auto second = store.get(5, fd.get(), bytes.size());
  ASSERT_TRUE(second);
  EXPECT_EQ(first->get(), second->get());
}

TEST(SnapshotStore, the_same_number_from_another_agent_is_another_generation) {
  SnapshotStore store;
  const std::string bytes = wire(1);
  const Fd before = memory(bytes, kSeals), after = memory(bytes, kSeals);
  const auto first = store.get(1, before.get(), bytes.size());
  const auto second = store.get(1, after.get(), bytes.size());
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->get(), second->get());
}

TEST(SnapshotStore, refuses_memory_that_could_change_under_its_reading) {
  SnapshotStore store;
  const std::string bytes = wire(5);
  EXPECT_FALSE(store.get(5, memory(bytes, F_SEAL_SHRINK).get(), bytes.size()));
  EXPECT_FALSE(store.get(5, memory(bytes, F_SEAL_WRITE).get(), bytes.size()));
}

TEST(SnapshotStore, refuses_a_size_beyond_the_memory_and_bytes_that_are_no_snapshot) {
  SnapshotStore store;
  const std::string bytes = wire(5);
  EXPECT_FALSE(store.get(5, memory(bytes, kSeals).get(), bytes.size() + 1));
  const std::string garbage(64, '\xff');
  EXPECT_FALSE(store.get(6, memory(garbage, kSeals).get(), garbage.size()));
}

}  // namespace
}  // namespace fairlead::proxy
