// The ring of access records in a region of the arena: one writer that never waits, any number of readers that it may
// overtake. Positions count words from the start of time; a word lies at its position modulo the ring's size.
//
// The writer first moves `tail` past the records that it is about to overwrite, then stores the words, then moves
// `head`. Each word is stored with release and read with acquire order, so a reader that got a word of a newer record
// also sees the tail that gave its place away: it copies a record, looks at `tail` again and throws the copy away if it
// was passed. (A fence would do instead of ordered words, but ThreadSanitizer does not follow fences; on x86 both cost
// nothing.)
#pragma once

#include "userspace-proxy/telemetry/record_codec.h"

#include <cstdint>
#include <span>

namespace fairlead::telemetry {

// The writer's side; one thread. `ring`, `tail` and `head` lie in the arena and outlive it. `ring` has room for more
// than one of the largest records.
class RecordRing {
 public:
  RecordRing(std::span<uint64_t> ring, uint64_t& tail, uint64_t& head) : ring_(ring), tail_(tail), head_(head) {}
  RecordRing(const RecordRing&) = delete;
  RecordRing& operator=(const RecordRing&) = delete;
  ~RecordRing() = default;

  void append(const Record& record);

 private:
  void make_room(size_t words);

  std::span<uint64_t> ring_;
  uint64_t& tail_;
  uint64_t& head_;
  uint64_t sequence_ = 0;
  FrameBuffer frame_;
};

// The reader's side. Trusts nothing in the ring: one call walks each word at most once.
class RecordRingReader {
 public:
  RecordRingReader(std::span<const uint64_t> ring, const uint64_t& tail, const uint64_t& head)
      : ring_(ring), tail_(tail), head_(head) {}

  // Adds the records between `place` and now to `batch` and moves `place` on.
  void read(RecordPlace& place, RecordBatch& batch) const;

 private:
  void copy(uint64_t position, std::span<uint64_t> into) const;

  std::span<const uint64_t> ring_;
  const uint64_t& tail_;
  const uint64_t& head_;
};

}  // namespace fairlead::telemetry
