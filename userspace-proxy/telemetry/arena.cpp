#include "userspace-proxy/telemetry/arena.h"

#include "userspace-proxy/telemetry/arena_file.h"
#include "userspace-proxy/telemetry/record_ring.h"
#include "userspace-proxy/telemetry/relaxed.h"
#include "userspace-proxy/telemetry/series_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace fairlead::telemetry {
namespace {

constexpr uint32_t round_up(uint32_t bytes) { return (bytes + kArenaAlign - 1) / kArenaAlign * kArenaAlign; }

// What no region may be too small for: the overflow series, and a ring of more than one of the largest records.
static_assert(kArenaAlign > 2 * kMaxFrameWords * sizeof(uint64_t) + 2 * (kMaxKeyBytes + sizeof(HttpSeries)));

// Records in the order in which they ended; those of one ring keep theirs where the clock says the same.
std::vector<RecordOwned> in_order_of_end(std::vector<RecordOwned>&& records) {
  std::vector<std::pair<uint64_t, size_t>> order;
  order.reserve(records.size());
  for (const RecordOwned& record : records) {
    order.emplace_back(static_cast<uint64_t>(record.start_unix_ns) + record.duration_ns, order.size());
  }
  std::ranges::sort(order);
  std::vector<RecordOwned> sorted;
  sorted.reserve(records.size());
  for (const auto& [_, index] : order) {
    sorted.push_back(std::move(records[index]));
  }
  return sorted;
}

}  // namespace

Result<Fd> make_arena(const ArenaSize& size) {
  const bool parts_fit = size.series_bytes <= kMaxArenaPart && size.record_bytes <= kMaxArenaPart;
  if (size.workers == 0 || size.workers > kMaxArenaWorkers || !parts_fit) {
    return fail(fmt::format("telemetry arena: {} workers of {} + {} bytes are beyond its limits", size.workers,
                            size.series_bytes, size.record_bytes));
  }
  const ArenaHeader header = {.magic = kArenaMagic,
                              .version = kArenaVersion,
                              .workers = size.workers,
                              .series_bytes = std::max(round_up(size.series_bytes), kArenaAlign),
                              .record_bytes = std::max(round_up(size.record_bytes), kArenaAlign)};
  Fd fd(memfd_create("fairlead-telemetry", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) {
    return fail_sys("telemetry arena: memfd_create");
  }
  if (ftruncate(fd.get(), static_cast<off_t>(header.total_bytes())) != 0) {
    return fail_sys("telemetry arena: ftruncate");
  }
  if (pwrite(fd.get(), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) {
    return fail_sys("telemetry arena: write");
  }
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail_sys("telemetry arena: seal");
  }
  return fd;
}

struct ArenaWriter::Impl {
  Impl(Mapping&& mapped, const Region<std::byte>& region)
      : mapping(std::move(mapped)),
        table(region.table(), region.header().series_used, region.header().series_overflow),
        ring(region.ring(), region.header().ring_tail, region.header().ring_head) {}

  Mapping mapping;  // first: the others point into it
  SeriesTable table;
  RecordRing ring;
};

ArenaWriter::ArenaWriter() = default;
ArenaWriter::~ArenaWriter() = default;

Result<std::unique_ptr<ArenaWriter>> ArenaWriter::open(int fd, uint32_t worker) {
  const auto header = read_arena_header(fd);
  if (!header) {
    return std::unexpected(header.error());
  }
  if (worker >= header->workers) {
    return fail(fmt::format("telemetry arena: no region for worker {}, there are {}", worker, header->workers));
  }
  auto mapping = Mapping::map(fd, header->region_offset(worker), header->region_bytes(), Mapping::Access::kReadWrite);
  if (!mapping) {
    return std::unexpected(mapping.error());
  }
  const Region<std::byte> region(mapping->bytes(), *header);
  if (std::atomic_ref(region.header().claimed).exchange(1) != 0) {
    return fail(fmt::format("telemetry arena: the region of worker {} had a writer before", worker));
  }
  std::unique_ptr<ArenaWriter> writer(new ArenaWriter());
  writer->impl_ = std::make_unique<Impl>(std::move(*mapping), region);
  return writer;
}

HttpSeries* ArenaWriter::http(const HttpLabels& labels) { return impl_->table.http(labels); }
TcpSeries* ArenaWriter::tcp(const TcpLabels& labels) { return impl_->table.tcp(labels); }
void ArenaWriter::record(const Record& record) { impl_->ring.append(record); }

struct ArenaReader::Impl {
  ArenaHeader header;  // a copy: the proxy can write to the original
  Mapping mapping;

  [[nodiscard]] Region<const std::byte> region(uint32_t worker) const {
    const std::span<const std::byte> all = mapping.bytes();
    return {all.subspan(header.region_offset(worker), header.region_bytes()), header};
  }
};

ArenaReader::ArenaReader() = default;
ArenaReader::~ArenaReader() = default;

Result<std::unique_ptr<ArenaReader>> ArenaReader::open(int fd) {
  const auto header = read_arena_header(fd);
  if (!header) {
    return std::unexpected(header.error());
  }
  auto mapping = Mapping::map(fd, 0, header->total_bytes(), Mapping::Access::kRead);
  if (!mapping) {
    return std::unexpected(mapping.error());
  }
  std::unique_ptr<ArenaReader> reader(new ArenaReader());
  reader->impl_ = std::make_unique<Impl>(*header, std::move(*mapping));
  return reader;
}

SeriesSnapshot ArenaReader::series() const {
  SeriesSnapshot snapshot;
  for (uint32_t worker = 0; worker < impl_->header.workers; ++worker) {
    const auto region = impl_->region(worker);
    read_series(region.table(), load(region.header().series_used, std::memory_order_acquire), snapshot);
    snapshot.series_overflow += load(region.header().series_overflow);
  }
  return snapshot;
}

ArenaReader::Records ArenaReader::records(Cursor& cursor) const {
  cursor.per_worker.resize(impl_->header.workers);
  Records batch;
  for (uint32_t worker = 0; worker < impl_->header.workers; ++worker) {
    const auto region = impl_->region(worker);
    const RecordRingReader ring(region.ring(), region.header().ring_tail, region.header().ring_head);
    ring.read(cursor.per_worker[worker], batch);
  }
  batch.records = in_order_of_end(std::move(batch.records));
  return batch;
}

}  // namespace fairlead::telemetry
