// Where a proxy counts: one memfd per proxy, made by the agent, written by the proxy's workers, read by the agent at any
// time, also after the proxy has died. So a scrape costs the data path nothing, a record costs no system call, and a
// `kill -9` loses nothing that was counted.
//
// Layout: a header, then one region per worker: a table of series (labels, then slots of 64-bit counters) and a ring of
// access records. One writer per region, relaxed stores; readers take what they see. The reader trusts nothing: every
// offset and length is checked against the mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/telemetry/record.h"
#include "userspace-proxy/telemetry/series.h"

namespace fairlead::telemetry {

struct ArenaSize {
  uint32_t workers = 1;
  uint32_t series_bytes = 8u << 20;   // per worker, sparse: pages are taken as series come
  uint32_t record_bytes = 512u << 10;  // per worker
};

// A new memfd of that layout, sized and sealed against shrinking and growing. Called by the agent.
Result<Fd> make_arena(const ArenaSize& size);

// A worker's side. Owns the mapping of its region. Used by one thread.
class ArenaWriter {
 public:
  static Result<std::unique_ptr<ArenaWriter>> open(int fd, uint32_t worker);
  ~ArenaWriter();
  ArenaWriter(const ArenaWriter&) = delete;
  ArenaWriter& operator=(const ArenaWriter&) = delete;

  // The counters of a series, found by its labels or added. Costs a hash of the labels: fetch once, keep the pointer,
  // which stays valid as long as the writer. When the table is full, a shared overflow series (labels all "overflow") is
  // given and counted in `series_overflow`.
  HttpSeries* http(const HttpLabels& labels);
  TcpSeries* tcp(const TcpLabels& labels);
  // Appends one record; the oldest are overwritten.
  void record(const Record& record);

 private:
  ArenaWriter();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Labels and values as read; texts are copies.
struct SeriesSnapshot {
  std::vector<std::pair<HttpLabelsOwned, HttpSeries>> http;
  std::vector<std::pair<TcpLabelsOwned, TcpSeries>> tcp;
  uint64_t series_overflow = 0;
};

// The agent's side.
class ArenaReader {
 public:
  static Result<std::unique_ptr<ArenaReader>> open(int fd);
  ~ArenaReader();
  ArenaReader(const ArenaReader&) = delete;
  ArenaReader& operator=(const ArenaReader&) = delete;

  [[nodiscard]] SeriesSnapshot series() const;

  // Records newer than the cursor, oldest first, and how many were overwritten before they could be read.
  struct Cursor {
    std::vector<uint64_t> per_worker;
  };
  struct Records {
    std::vector<RecordOwned> records;
    uint64_t lost = 0;
  };
  Records records(Cursor& cursor) const;

 private:
  ArenaReader();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::telemetry
