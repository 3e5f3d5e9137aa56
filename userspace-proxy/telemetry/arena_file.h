// The arena's memfd: its header, its seals, its mappings. Any thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/telemetry/layout.h"

#include <cstddef>
#include <span>

namespace fairlead::telemetry {

// The header of `fd`, if that is an arena of this version, sealed, and exactly as large as the header says.
Result<ArenaHeader> read_arena_header(int fd);

// A shared mapping; unmapped on destruction.
class Mapping {
 public:
  enum class Access { kRead, kReadWrite };
  static Result<Mapping> map(int fd, uint64_t offset, uint64_t bytes, Access access);
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

// The parts of one worker's region. Byte is const for a reader.
template <class Byte>
struct Region {
  std::span<Byte> series, records;

  Region(std::span<Byte> region, const ArenaHeader& arena)
      : series(region.first(arena.series_bytes)), records(region.subspan(arena.series_bytes)) {}

  template <class T>
  using Like = std::conditional_t<std::is_const_v<Byte>, const T, T>;
  [[nodiscard]] Like<RegionHeader>& header() const { return *reinterpret_cast<Like<RegionHeader>*>(series.data()); }
  [[nodiscard]] std::span<Byte> table() const { return series.subspan(sizeof(RegionHeader)); }
  [[nodiscard]] std::span<Like<uint64_t>> ring() const {
    return {reinterpret_cast<Like<uint64_t>*>(records.data()), records.size() / sizeof(uint64_t)};
  }
};

}  // namespace fairlead::telemetry
