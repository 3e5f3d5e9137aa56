// A proxy that has been taken over writes what it likes into its arena. The reader must come back, soon, with whatever
// it could make sense of, and touch no other memory (run with the address sanitizer to see that).
#include "tests/unit/telemetry/samples.h"
#include "userspace-proxy/telemetry/arena.h"
#include "userspace-proxy/telemetry/arena_file.h"
#include "userspace-proxy/telemetry/record_codec.h"
#include "userspace-proxy/telemetry/record_ring.h"
#include "userspace-proxy/telemetry/series_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace fairlead::telemetry {
namespace {

constexpr uint64_t kInteresting[] = {
    0,          1,          7,           8,          16,           17,        48,     64,     136,
    1297,       4096,       8191,        8192,       8193,         65'528,    65'536, 65'537, 0x7fffffff,
    0x80000000, 0xffffffff, 0x100000000, 1ull << 63, ~0ull - 8191, ~0ull - 7, ~0ull};

class HostileArena : public testing::Test {
 protected:
  HostileArena() {
    const auto writer = ArenaWriter::open(fd_.get(), 0).value();
    const auto common = distinct_labels();
    for (uint16_t code = 0; code < 10; ++code) {
      writer->http({.common = view(common), .response_code = code, .grpc_response_status = "0"})->count(1, 2, 3);
      writer->record(view(sample_record()));
    }
    writer->tcp({.common = view(common)})->add_sent(9);
    region_ =
        Mapping::map(fd_.get(), header_.region_offset(0), header_.region_bytes(), Mapping::Access::kReadWrite).value();
    const auto bytes = region_.bytes();
    honest_.assign(bytes.begin(), bytes.end());
  }

  [[nodiscard]] Region<std::byte> region() const { return {region_.bytes(), header_}; }
  void restore() { std::memcpy(region_.bytes().data(), honest_.data(), honest_.size()); }

  // Bounds that hold whatever was written.
  void read() {
    const SeriesSnapshot series = reader_->series();
    EXPECT_LE(series.http.size() + series.tcp.size(), kMaxSeries);
    for (int i = 0; i < 3; ++i) {
      const auto batch = reader_->records(cursor_);
      EXPECT_LE(batch.records.size(), header_.record_bytes / sizeof(RecordFrame));
    }
    cursor_ = {};
  }

  Fd fd_ = make_arena({.workers = 1, .series_bytes = 1, .record_bytes = 1}).value();
  ArenaHeader header_ = read_arena_header(fd_.get()).value();
  std::unique_ptr<ArenaReader> reader_ = ArenaReader::open(fd_.get()).value();
  Mapping region_;
  std::vector<std::byte> honest_;
  ArenaReader::Cursor cursor_;
};

TEST_F(HostileArena, SurvivesEveryPairOfRingPositions) {
  for (const uint64_t tail : kInteresting) {
    for (const uint64_t head : kInteresting) {
      region().header().ring_tail = tail;
      region().header().ring_head = head;
      read();
      // The same reader, from a place that a lie has left behind.
      ArenaReader::Cursor cursor{.per_worker = {{.position = head, .sequence = tail}}};
      (void)reader_->records(cursor);
    }
  }
}

TEST_F(HostileArena, SurvivesEveryFrameLength) {
  for (const uint64_t length : kInteresting) {
    const auto words = static_cast<uint32_t>(length);
    std::memcpy(&region().ring()[1], &words, sizeof words);
    const auto batch = reader_->records(cursor_);
    const bool honest = std::memcmp(region().ring().data(), honest_.data() + header_.series_bytes, 16) == 0;
    EXPECT_EQ(batch.malformed, honest ? 0u : 1u);
    cursor_ = {};
  }
}

TEST_F(HostileArena, SurvivesEveryTextLength) {
  for (size_t text = 0; text < kRecordTexts; ++text) {
    for (const uint64_t length : kInteresting) {
      const auto bytes = static_cast<uint16_t>(length);
      std::memcpy(reinterpret_cast<std::byte*>(region().ring().data()) + offsetof(RecordFrame, text_bytes) + 2 * text,
                  &bytes, sizeof bytes);
      read();
      restore();
    }
  }
}

TEST_F(HostileArena, RefusesRecordsOfUnknownKindsAndPaths) {
  auto* const first = reinterpret_cast<RecordFrame*>(region().ring().data());
  for (const int value : {0, 3, 255}) {
    first->kind = static_cast<uint8_t>(value);
    EXPECT_EQ(reader_->records(cursor_).malformed, 1u);
    cursor_ = {};
    restore();
  }
  for (const int value : {0, 6, 255}) {
    first->path = static_cast<uint8_t>(value);
    EXPECT_EQ(reader_->records(cursor_).malformed, 1u);
    cursor_ = {};
    restore();
  }
}

TEST_F(HostileArena, RefusesRecordsThatGoBackInTime) {
  auto* const first = reinterpret_cast<RecordFrame*>(region().ring().data());
  first->sequence = 1;  // as the second has
  const auto batch = reader_->records(cursor_);
  EXPECT_EQ(batch.records.size(), 1u);
  EXPECT_EQ(batch.malformed, 1u);
}

TEST_F(HostileArena, GoesOnWithHonestRecordsAfterAMalformedOne) {
  auto* const first = reinterpret_cast<RecordFrame*>(region().ring().data());
  first->words = 0;
  EXPECT_EQ(reader_->records(cursor_).malformed, 1u);
  restore();
  EXPECT_TRUE(reader_->records(cursor_).records.empty());
  RecordRing ring(region().ring(), region().header().ring_tail, region().header().ring_head);
  ring.append(view(sample_record()));
  EXPECT_EQ(reader_->records(cursor_).records.size(), 1u);
}

TEST_F(HostileArena, SurvivesEveryTableSizeAndEntryHead) {
  for (const uint64_t used : kInteresting) {
    region().header().series_used = used;
    read();
  }
  region().header().series_used = ~0ull;
  for (const uint64_t bytes : kInteresting) {
    for (const uint64_t key : kInteresting) {
      for (const uint16_t kind : {0, 1, 2, 3, 0xffff}) {
        const SeriesEntry entry = {.bytes = static_cast<uint32_t>(bytes),
                                   .kind = static_cast<SeriesKind>(kind),
                                   .key_bytes = static_cast<uint16_t>(key)};
        std::memcpy(region().table().data(), &entry, sizeof entry);
        read();
      }
    }
  }
}

TEST_F(HostileArena, SurvivesRandomChanges) {
  std::mt19937_64 random(20260101);  // the same every time
  for (int round = 0; round < 3000; ++round) {
    const int changes = 1 + static_cast<int>(random() % 20);
    for (int i = 0; i < changes; ++i) {
      // Most of the region is empty: half of the changes go where something is.
      const auto part = random() % 2 == 0 ? region().records : region().series;
      const size_t at = random() % (random() % 2 == 0 ? part.size() : 4096);
      const uint64_t value = random() % 2 == 0 ? random() : kInteresting[random() % std::size(kInteresting)];
      std::memcpy(part.data() + at, &value, std::min(part.size() - at, size_t{1} << random() % 4));
    }
    read();
    if (round % 8 == 7) {
      restore();
    }
  }
}

TEST_F(HostileArena, TrustsNoSumThatWouldSpoilTheTotal) {
  const auto table = region().table();
  size_t at = 0;
  uint32_t bytes = 0;
  for (int i = 0; i < 2; ++i) {  // behind both overflow series
    std::memcpy(&bytes, table.data() + at, sizeof bytes);
    at += bytes;
  }
  reinterpret_cast<HttpSeries*>(table.data() + at + sizeof(SeriesEntry))->duration_ms.sum =
      std::numeric_limits<double>::quiet_NaN();
  ASSERT_EQ(reader_->series().http.size(), 10u);
  EXPECT_EQ(reader_->series().http[0].second.duration_ms.sum, 0);
  EXPECT_EQ(reader_->series().http[1].second.duration_ms.sum, 1);
}

}  // namespace
}  // namespace fairlead::telemetry
