// A compiled configuration in a sealed memfd: one per generation, shared by every proxy. Sealed, so that no proxy can
// change or cut what another one reads. Immutable, any thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace fairlead::agent_broker {

struct SnapshotFile {
  uint64_t generation = 0;
  uint64_t size = 0;
  std::shared_ptr<const Fd> fd;
};

Result<SnapshotFile> make_snapshot_file(uint64_t generation, std::string_view bytes);

}  // namespace fairlead::agent_broker
