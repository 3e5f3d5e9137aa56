// One built snapshot per generation for all workers of the process: whoever gets it first parses it. Any thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/config/snapshot.h"

#include <cstdint>
#include <memory>
#include <mutex>

namespace fairlead::proxy {

class SnapshotStore {
 public:
  // `memfd`: sealed, `size` bytes of wire form. The result of the newest generation is kept for the other workers.
  Result<std::shared_ptr<const config::Snapshot>> get(uint64_t generation, int memfd, uint64_t size);

 private:
  std::mutex mutex_;
  // Guarded by mutex_. Weak: workers keep it alive as long as they need it.
  uint64_t generation_ = 0;
  // Every agent counts generations from 1: the memory tells one of this agent's from the same number of the one before.
  uint64_t inode_ = 0;
  std::weak_ptr<const config::Snapshot> newest_;
};

}  // namespace fairlead::proxy
