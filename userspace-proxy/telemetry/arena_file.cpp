#include "userspace-proxy/telemetry/arena_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace fairlead::telemetry {
namespace {

bool is_part_size(uint32_t bytes) { return bytes != 0 && bytes <= kMaxArenaPart && bytes % kArenaAlign == 0; }

}  // namespace

Result<ArenaHeader> read_arena_header(int fd) {
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0) {
    return fail_sys("telemetry arena: seals");
  }
  // Without these, whoever holds the memfd could shrink it and end every reader by SIGBUS.
  if ((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW)) {
    return fail("telemetry arena: not sealed");
  }
  struct stat file{};
  ArenaHeader header{};
  if (fstat(fd, &file) != 0) {
    return fail_sys("telemetry arena: size");
  }
  if (pread(fd, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) {
    return fail("telemetry arena: no header");
  }
  if (header.magic != kArenaMagic || header.version != kArenaVersion) {
    return fail("telemetry arena: not an arena of this version");
  }
  if (header.workers == 0 || header.workers > kMaxArenaWorkers || !is_part_size(header.series_bytes) ||
      !is_part_size(header.record_bytes) || static_cast<uint64_t>(file.st_size) != header.total_bytes()) {
    return fail("telemetry arena: header and size do not agree");
  }
  return header;
}

Result<Mapping> Mapping::map(int fd, uint64_t offset, uint64_t bytes, Access access) {
  const int protection = access == Access::kRead ? PROT_READ : PROT_READ | PROT_WRITE;
  void* address = mmap(nullptr, bytes, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
  if (address == MAP_FAILED) {
    return fail_sys("telemetry arena: mmap");
  }
  Mapping mapping;
  mapping.bytes_ = {static_cast<std::byte*>(address), bytes};
  return mapping;
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (!bytes_.empty()) {
    munmap(bytes_.data(), bytes_.size());
  }
}

}  // namespace fairlead::telemetry
