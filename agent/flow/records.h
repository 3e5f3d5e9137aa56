// Records of connections on the kernel path: taken out of the ring buffer, named, and kept for whoever asks. Main
// thread only.
#pragma once

#include "agent/flow/rejudge.h"
#include "agent/flow/subject.h"
#include "bpf/abi/flow.h"
#include "userspace-proxy/telemetry/record.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace fairlead::flow {

class Records {
 public:
  // Numbers of policies to their names, as the kernel's tables have them.
  using PolicyNames = std::map<uint32_t, std::string>;

  // Takes over what the kernel wrote.
  void add(const std::vector<fl_flow>& flows, const Directory& directory, const PolicyNames& names);
  // A connection is being ended by us: its record gets this reason.
  void expect_end(uint64_t cookie, Objection why);

  // Where a reader stands. A fresh one begins with the oldest that is kept.
  struct Follower {
    uint64_t next = 0;
  };
  // What is new for the follower, in the order in which it ended.
  [[nodiscard]] telemetry::RecordBatch read(Follower& follower) const;

 private:
  static constexpr size_t kKept = 4096;
  static constexpr size_t kExpected = 65536;

  [[nodiscard]] telemetry::RecordOwned record_of(const fl_flow& flow, const Directory& directory,
                                                 const PolicyNames& names);

  std::deque<telemetry::RecordOwned> kept_;
  uint64_t first_ = 0;                              // number of kept_.front()
  std::unordered_map<uint64_t, Objection> ending_;  // by cookie
};

}  // namespace fairlead::flow
