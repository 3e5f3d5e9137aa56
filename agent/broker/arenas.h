// The telemetry of every proxy, living and ended: each counts into a memfd of its own
// (userspace-proxy/telemetry/arena.h), which the agent makes before the start and reads at any time, also after a `kill
// -9`. Main thread only.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/telemetry/arena.h"
#include "userspace-proxy/telemetry/prometheus.h"

#include <cstdint>
#include <map>
#include <memory>

namespace fairlead::agent_broker {

class Arenas {
 public:
  struct Opened {
    uint64_t id = 0;
    Fd fd;  // for the proxy
  };
  Result<Opened> open(uint32_t workers);
  // One that an agent before us made; what it has counted so far counts here. `fd` stays the caller's.
  Result<uint64_t> adopt(int fd);
  // Its process has ended: takes the last counts and records out of it.
  void end(uint64_t id);

  // All counts so far, for a scrape.
  [[nodiscard]] telemetry::SeriesSum sum() const;

  // A reader of records. A fresh one begins with what is still there: the rings of living proxies, and of the last
  // kKeptArenas that ended.
  struct Follower {
    std::map<uint64_t, telemetry::ArenaReader::Cursor> cursors;  // by arena
  };
  // What is new for the follower, in the order in which it ended.
  [[nodiscard]] telemetry::RecordBatch records(Follower& follower) const;

 private:
  // Of proxies that ended only this many are kept for their records: one's ring may hold 512 KiB per worker.
  static constexpr size_t kKeptArenas = 4;

  uint64_t next_id_ = 1;
  std::map<uint64_t, std::unique_ptr<telemetry::ArenaReader>> living_;
  std::map<uint64_t, std::unique_ptr<telemetry::ArenaReader>> ended_;
  telemetry::SeriesSum ended_sum_;
};

}  // namespace fairlead::agent_broker
