#include "userspace-proxy/proxy/snapshot_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <span>

namespace fairlead::proxy {

Result<std::shared_ptr<const config::Snapshot>> SnapshotStore::get(uint64_t generation, int memfd, uint64_t size) {
  const std::scoped_lock lock(mutex_);
  struct stat status{};
  if (fstat(memfd, &status) != 0) {
    return fail_sys("snapshot");
  }
  if (auto known = newest_.lock(); known != nullptr && generation_ == generation && inode_ == status.st_ino) {
    return known;
  }
  // Without the seals the writer could shorten it under our reading (SIGBUS).
  constexpr int kNeeded = F_SEAL_SHRINK | F_SEAL_WRITE;
  const int seals = fcntl(memfd, F_GET_SEALS);
  if (seals < 0 || (seals & kNeeded) != kNeeded || std::cmp_less(status.st_size, size) || size == 0) {
    return fail("snapshot: not a sealed memfd of the announced size");
  }
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, memfd, 0);
  if (mapped == MAP_FAILED) {
    return fail_sys("snapshot: mmap");
  }
  auto built = config::Snapshot::parse({static_cast<const std::byte*>(mapped), size});
  munmap(mapped, size);
  if (built) {
    generation_ = generation;
    inode_ = status.st_ino;
    newest_ = *built;
  }
  return built;
}

}  // namespace fairlead::proxy
