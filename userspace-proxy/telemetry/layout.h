// How the arena's bytes lie. Native byte order and alignment: writer and reader are built from one tree and run on one
// machine; kArenaVersion tells builds apart. Memory that was never written is a hole of the memfd and reads as zero, so
// zero is the start value of everything here.
//
//   0                ArenaHeader, alone in the first kArenaAlign bytes
//   kArenaAlign      region of worker 0: series part | record part
//   + region_bytes   region of worker 1, and so on
//
//   series part      RegionHeader, then SeriesEntry after SeriesEntry (series_table.h), filled from the front
//   record part      a ring of 64-bit words (record_ring.h), used from the front: pages are taken as they come into use
#pragma once

#include <cstdint>
#include <type_traits>

namespace fairlead::telemetry {

inline constexpr uint64_t kArenaMagic = 0x616e657261'6c66ULL;  // "flarena" in memory
inline constexpr uint32_t kArenaVersion = 1;
// Regions are mapped one by one, so they begin on page boundaries: 64 KiB is the largest page of Linux on arm64.
inline constexpr uint32_t kArenaAlign = 64u << 10;
inline constexpr uint32_t kMaxArenaWorkers = 256;
inline constexpr uint32_t kMaxArenaPart = 256u << 20;

struct ArenaHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t workers;
  uint32_t series_bytes;  // multiples of kArenaAlign, both
  uint32_t record_bytes;

  [[nodiscard]] uint64_t region_bytes() const { return uint64_t{series_bytes} + record_bytes; }
  [[nodiscard]] uint64_t region_offset(uint32_t worker) const { return kArenaAlign + worker * region_bytes(); }
  [[nodiscard]] uint64_t total_bytes() const { return region_offset(workers); }
};
static_assert(sizeof(ArenaHeader) == 24 && std::is_trivially_copyable_v<ArenaHeader>);

struct RegionHeader {
  uint64_t claimed;          // 1 once a writer has opened the region
  uint64_t series_used;      // bytes of whole, published entries behind this header
  uint64_t series_overflow;  // look-ups that found the table full
  uint64_t ring_tail;        // the oldest whole record; counts words and never goes back
  uint64_t ring_head;        // behind the newest whole record
  uint64_t reserved[3];
};
static_assert(sizeof(RegionHeader) == 64 && std::is_trivially_copyable_v<RegionHeader>);

}  // namespace fairlead::telemetry
