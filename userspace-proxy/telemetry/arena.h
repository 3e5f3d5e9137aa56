// Where a proxy counts: one memfd per proxy, made by the agent, written by the proxy's workers, read by the agent at
// any time, also after the proxy has died. So a scrape costs the data path nothing, a record costs no system call, and
// a `kill -9` loses nothing that was counted.
//
// Layout: a header, then one region per worker: a table of series (labels, then slots of 64-bit counters) and a ring of
// access records (layout.h has the bytes). One writer per region, relaxed stores; readers take what they see. The
// reader trusts nothing: every offset and length is checked against the mapping, every loop is bounded by it, and the
// seals keep the memfd from shrinking under the mapping.
//
// Memory: pages come into being as they are first written. An idle worker's region is two or three pages; a series
// takes about 1.1 KiB; the ring grows to `record_bytes` with the first records and stays there.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/telemetry/record.h"
#include "userspace-proxy/telemetry/series.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace fairlead::telemetry {

// Rounded up to 64 KiB. At most 256 workers, 256 MiB per part.
struct ArenaSize {
  uint32_t workers = 1;
  uint32_t series_bytes = 8u << 20;    // per worker, sparse: pages are taken as series come
  uint32_t record_bytes = 512u << 10;  // per worker
};

// A new memfd of that layout, sized and sealed against shrinking and growing. Called by the agent.
Result<Fd> make_arena(const ArenaSize& size);

// A worker's side. Owns the mapping of its region. Used by one thread.
class ArenaWriter {
 public:
  // `fd` stays the caller's and may be closed afterwards. A region takes one writer, once: a new proxy gets a new
  // arena.
  static Result<std::unique_ptr<ArenaWriter>> open(int fd, uint32_t worker);
  ~ArenaWriter();
  ArenaWriter(const ArenaWriter&) = delete;
  ArenaWriter& operator=(const ArenaWriter&) = delete;

  // The counters of a series, found by its labels or added. Costs a hash of the labels (200 to 300 ns): fetch once,
  // keep the pointer, which stays valid as long as the writer. When the table is full, a shared overflow series (labels
  // all "overflow") is given and counted in `series_overflow`.
  HttpSeries* http(const HttpLabels& labels);
  TcpSeries* tcp(const TcpLabels& labels);
  // Appends one record; the oldest are overwritten.
  void record(const Record& record);

 private:
  ArenaWriter();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The agent's side. Calls may come from any thread, one at a time.
class ArenaReader {
 public:
  // `fd` stays the caller's and may be closed afterwards. Refused unless it is sealed and its header fits its size.
  static Result<std::unique_ptr<ArenaReader>> open(int fd);
  ~ArenaReader();
  ArenaReader(const ArenaReader&) = delete;
  ArenaReader& operator=(const ArenaReader&) = delete;

  [[nodiscard]] SeriesSnapshot series() const;

  // A fresh cursor stands before the first record.
  struct Cursor {
    std::vector<RecordPlace> per_worker;
  };
  using Records = RecordBatch;
  // Records newer than the cursor, in the order in which they ended.
  Records records(Cursor& cursor) const;

 private:
  ArenaReader();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::telemetry
