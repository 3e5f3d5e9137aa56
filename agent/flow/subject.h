// Who is meant by what the kernel tells of a connection (bpf/abi/flow.h): its cookies, addresses and numbers against
// the snapshot. Value types; main thread only.
#pragma once

#include "bpf/abi/flow.h"
#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/report/labels.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace fairlead::flow {

// Null: unknown.
struct Subject {
  const config::Workload* source = nullptr;
  const policy::Identity* source_identity = nullptr;
  const config::Workload* destination = nullptr;
  const config::Service* service = nullptr;
  const config::Cluster* cluster = nullptr;

  [[nodiscard]] report::EndFacts facts() const {
    return {.source = source,
            .source_identity = source_identity,
            .destination = destination,
            .service = service,
            .authority = {}};
  }
};

// Names pods that exist, and for a while those that are gone: their connections end after them.
class Directory {
 public:
  // The newest configuration.
  void learn(std::shared_ptr<const config::Snapshot> snapshot);
  // Pointers are good until the next learn().
  [[nodiscard]] Subject find(const fl_flow& flow) const;
  [[nodiscard]] bool knows(uint64_t netns) const;
  [[nodiscard]] const config::Snapshot* snapshot() const { return snapshot_.get(); }

 private:
  static constexpr size_t kDeparted = 256;

  [[nodiscard]] const config::Workload* workload(uint64_t netns) const;
  [[nodiscard]] const policy::Identity* identity(uint32_t id, const config::Workload* source) const;

  std::shared_ptr<const config::Snapshot> snapshot_;
  std::deque<std::unique_ptr<const config::Workload>> departed_;  // names only; the newest first
};

}  // namespace fairlead::flow
