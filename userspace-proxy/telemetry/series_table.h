// The table of series in a region of the arena: entries one after another, each a SeriesEntry, the counters, the key.
// Nothing is ever removed or moved, so a counter's address stays. The finding happens in the writer's private memory,
// by hash; the key in the arena is the only copy of the labels.
#pragma once

#include "userspace-proxy/telemetry/label_key.h"
#include "userspace-proxy/telemetry/series.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

namespace fairlead::telemetry {

// Per worker. Bounds what a scrape and a hostile writer can cost the reader.
inline constexpr size_t kMaxSeries = 8192;

enum class SeriesKind : uint16_t { kHttp = 1, kTcp = 2 };

struct SeriesEntry {
  uint32_t bytes;  // the whole entry, a multiple of 8
  SeriesKind kind;
  uint16_t key_bytes;
};
static_assert(sizeof(SeriesEntry) == 8);

// The writer's side; one thread. `area`, `used` and `overflow` lie in the arena and outlive the table.
class SeriesTable {
 public:
  SeriesTable(std::span<std::byte> area, uint64_t& used, uint64_t& overflow);
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;
  ~SeriesTable() = default;

  // Found or added. Full: the overflow series of that kind, and `overflow` counts.
  HttpSeries* http(const HttpLabels& labels);
  TcpSeries* tcp(const TcpLabels& labels);

 private:
  template <class Series, class Labels>
  Series* find_or_add(const Labels& labels, SeriesKind kind);
  template <class Series>
  Series* append(std::span<const std::byte> key, SeriesKind kind);

  std::span<std::byte> area_;
  uint64_t& used_;
  uint64_t& overflow_;
  std::unordered_multimap<uint64_t, uint32_t> entries_;  // hash of the key -> offset
  HttpSeries* http_overflow_ = nullptr;
  TcpSeries* tcp_overflow_ = nullptr;
  KeyBuffer key_;
};

// The reader's side: adds what the first `used` bytes of `area` hold to `snapshot`. Stops at the first entry that is
// none.
void read_series(std::span<const std::byte> area, uint64_t used, SeriesSnapshot& snapshot);

}  // namespace fairlead::telemetry
