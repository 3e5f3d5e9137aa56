#include "userspace-proxy/telemetry/arena.h"

#include "tests/unit/telemetry/samples.h"
#include "userspace-proxy/telemetry/layout.h"
#include "userspace-proxy/telemetry/series_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <unordered_set>

namespace fairlead::telemetry {
namespace {

using testing::HasSubstr;

struct Arena {
  explicit Arena(const ArenaSize& size = {})
      : fd(make_arena(size).value()), reader(ArenaReader::open(fd.get()).value()) {}

  [[nodiscard]] std::unique_ptr<ArenaWriter> writer(uint32_t worker = 0) const {
    return ArenaWriter::open(fd.get(), worker).value();
  }
  // Memory that the file takes, in bytes.
  [[nodiscard]] uint64_t taken() const {
    struct stat file{};
    EXPECT_EQ(fstat(fd.get(), &file), 0);
    return static_cast<uint64_t>(file.st_blocks) * 512;
  }

  Fd fd;
  std::unique_ptr<ArenaReader> reader;
};

std::string open_error(int fd) {
  const auto reader = ArenaReader::open(fd);
  const auto writer = ArenaWriter::open(fd, 0);
  EXPECT_FALSE(reader.has_value() || writer.has_value());
  return reader.has_value() ? "" : reader.error().message();
}

TEST(Arena, ShowsTheReaderWhatTheWriterCounted) {
  const Arena arena;
  const auto writer = arena.writer();
  const auto common = distinct_labels();
  const HttpLabels http = {.common = view(common), .response_code = 404, .grpc_response_status = "5"};
  writer->http(http)->count(12, 34, 56);
  writer->tcp({.common = view(common)})->add_sent(78);

  const SeriesSnapshot seen = arena.reader->series();
  ASSERT_EQ(seen.http.size(), 1u);
  EXPECT_EQ(seen.http[0].first, (HttpLabelsOwned{.common = common, .response_code = 404, .grpc_response_status = "5"}));
  HttpSeries expected;
  expected.count(12, 34, 56);
  EXPECT_EQ(seen.http[0].second, expected);
  ASSERT_EQ(seen.tcp.size(), 1u);
  EXPECT_EQ(seen.tcp[0].first.common, common);
  EXPECT_EQ(seen.tcp[0].second, (TcpSeries{.sent_bytes = 78}));
  EXPECT_EQ(seen.series_overflow, 0u);
}

TEST(Arena, FindsTheSameSeriesForEqualLabelsAndAnotherForEachDifference) {
  const Arena arena;
  const auto writer = arena.writer();
  const auto common = distinct_labels();
  const HttpLabels labels = {.common = view(common), .response_code = 200, .grpc_response_status = ""};
  std::unordered_set<HttpSeries*> found = {writer->http(labels)};
  for (const auto& field : kCommonLabels<std::string_view>) {
    HttpLabels other = labels;
    other.common.*field.member = "other";
    found.insert(writer->http(other));
  }
  HttpLabels other = labels;
  other.response_code = 201;
  found.insert(writer->http(other));
  other = labels;
  other.grpc_response_status = "0";
  found.insert(writer->http(other));
  EXPECT_EQ(found.size(), kCommonLabels<std::string>.size() + 3);

  const auto copy = distinct_labels();  // other memory, same text
  EXPECT_TRUE(found.contains(writer->http({.common = view(copy), .response_code = 200, .grpc_response_status = ""})));
  EXPECT_EQ(writer->tcp({.common = view(common)}), writer->tcp({.common = view(copy)}));
}

TEST(Arena, TellsLabelsApartWhoseTextsJoinedAreEqual) {
  const Arena arena;
  const auto writer = arena.writer();
  TcpLabels a, b;
  a.common.source_app = "ab";
  a.common.source_version = "c";
  b.common.source_app = "a";
  b.common.source_version = "bc";
  EXPECT_NE(writer->tcp(a), writer->tcp(b));
}

TEST(Arena, LeavesOutSeriesThatCountedNothing) {
  const Arena arena;
  const auto writer = arena.writer();
  writer->tcp({});
  writer->http({});
  const SeriesSnapshot seen = arena.reader->series();
  EXPECT_TRUE(seen.http.empty());
  EXPECT_TRUE(seen.tcp.empty());
}

TEST(Arena, CutsLongLabelsAndRepairsBrokenOnes) {
  const Arena arena;
  const auto writer = arena.writer();
  const std::string host(60'000, 'h');
  TcpLabels labels;
  labels.common.destination_service = host;
  labels.common.source_app = "\xff";
  writer->tcp(labels)->add_opened();
  const SeriesSnapshot seen = arena.reader->series();
  ASSERT_EQ(seen.tcp.size(), 1u);
  EXPECT_EQ(seen.tcp[0].first.common.destination_service, host.substr(0, kMaxLabelBytes));
  EXPECT_EQ(seen.tcp[0].first.common.source_app, "\xef\xbf\xbd");
}

TEST(Arena, CountsIntoAnOverflowSeriesOnceTheTableIsFull) {
  const Arena arena({.workers = 1, .series_bytes = 1, .record_bytes = 1});  // the smallest: 64 KiB each
  const auto writer = arena.writer();
  uint64_t counted = 0;
  for (; counted < 1000; ++counted) {
    const std::string workload = fmt::format("pod-{}", counted);
    HttpLabels labels;
    labels.common.source_workload = workload;
    writer->http(labels)->count(1, 1, 1);
  }
  const std::string workload(kMaxLabelBytes, 'x');  // so that it does not fit where an HTTP series would not
  TcpLabels labels;
  labels.common.source_workload = workload;
  writer->tcp(labels)->add_opened();

  const SeriesSnapshot seen = arena.reader->series();
  ASSERT_GT(seen.series_overflow, 0u);
  const auto overflow =
      std::ranges::find(seen.http, "overflow", [](const auto& series) { return series.first.common.source_workload; });
  ASSERT_NE(overflow, seen.http.end());
  EXPECT_EQ(overflow->first.common.connection_security_policy, "overflow");
  EXPECT_EQ(overflow->second.requests, seen.series_overflow - 1);
  uint64_t total = 0;
  for (const auto& [_, series] : seen.http) {
    total += series.requests;
  }
  EXPECT_EQ(total, counted);  // nothing is lost
  ASSERT_EQ(seen.tcp.size(), 1u);
  EXPECT_EQ(seen.tcp[0].first.common.reporter, "overflow");
}

TEST(Arena, BoundsTheNumberOfSeries) {
  const Arena arena({.workers = 1, .series_bytes = 64u << 20, .record_bytes = 1});
  const auto writer = arena.writer();
  for (size_t i = 0; i < kMaxSeries + 100; ++i) {
    const std::string workload = fmt::format("pod-{}", i);
    TcpLabels labels;
    labels.common.source_workload = workload;
    writer->tcp(labels)->add_opened();
  }
  const SeriesSnapshot seen = arena.reader->series();
  EXPECT_EQ(seen.tcp.size(), kMaxSeries - 1);  // the overflow series of both kinds count; that of HTTP counted nothing
  EXPECT_EQ(seen.series_overflow, 102u);
}

TEST(Arena, KeepsWorkersApart) {
  const Arena arena({.workers = 3});
  const auto first = arena.writer(0), third = arena.writer(2);
  const auto common = distinct_labels();
  first->tcp({.common = view(common)})->add_opened();
  third->tcp({.common = view(common)})->add_closed();
  RecordOwned record = sample_record();
  record.start_unix_ns += 1'000'000'000;
  first->record(view(record));
  third->record(view(sample_record()));

  const SeriesSnapshot seen = arena.reader->series();
  ASSERT_EQ(seen.tcp.size(), 2u);
  EXPECT_EQ(seen.tcp[0].first, seen.tcp[1].first);
  EXPECT_EQ(seen.tcp[0].second, (TcpSeries{.opened = 1}));
  EXPECT_EQ(seen.tcp[1].second, (TcpSeries{.closed = 1}));

  ArenaReader::Cursor cursor;
  const auto records = arena.reader->records(cursor).records;
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0], sample_record());  // ended first, though in the last ring
  EXPECT_EQ(records[1], record);
  EXPECT_TRUE(arena.reader->records(cursor).records.empty());
}

TEST(Arena, OutlivesAWriterThatWasKilled) {
  const Arena arena;
  const pid_t child = fork();
  if (child == 0) {
    const auto writer = ArenaWriter::open(arena.fd.get(), 0);
    (*writer)->http({})->count(1, 2, 3);
    (*writer)->record(view(sample_record()));
    kill(getpid(), SIGKILL);
    pause();
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(arena.reader->series().http.size(), 1u);
  EXPECT_EQ(arena.reader->series().http[0].second.requests, 1u);
  ArenaReader::Cursor cursor;
  EXPECT_THAT(arena.reader->records(cursor).records, testing::ElementsAre(sample_record()));
}

TEST(Arena, TakesMemoryOnlyAsItIsUsed) {
  const Arena arena({.workers = 16});
  EXPECT_LE(arena.taken(), 4096u);
  const auto writer = arena.writer();
  writer->http({})->count(1, 1, 1);
  writer->record(view(sample_record()));
  EXPECT_LE(arena.taken(), 5 * 4096u);
  for (int i = 0; i < 10'000; ++i) {
    writer->record(view(sample_record()));
  }
  EXPECT_LE(arena.taken(), ArenaSize().record_bytes + 5 * 4096u);
  // A scrape touches the regions' first pages, which for memory that was never used means to make them.
  ArenaReader::Cursor cursor;
  (void)arena.reader->series();
  (void)arena.reader->records(cursor);
  EXPECT_LE(arena.taken(), ArenaSize().record_bytes + (5 + 16) * 4096u);
}

TEST(Arena, IsSealedAndCannotShrinkUnderItsReaders) {
  const Arena arena;
  EXPECT_NE(ftruncate(arena.fd.get(), 0), 0);
  EXPECT_NE(ftruncate(arena.fd.get(), 1 << 30), 0);
  EXPECT_NE(fcntl(arena.fd.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(Arena, GivesARegionToOneWriterOnly) {
  const Arena arena({.workers = 2});
  const auto writer = arena.writer(1);
  EXPECT_THAT(ArenaWriter::open(arena.fd.get(), 1).error().message(), HasSubstr("worker 1 had a writer"));
  EXPECT_THAT(ArenaWriter::open(arena.fd.get(), 2).error().message(), HasSubstr("no region for worker 2"));
}

TEST(Arena, RefusesSizesBeyondItsLimits) {
  EXPECT_FALSE(make_arena({.workers = 0}));
  EXPECT_FALSE(make_arena({.workers = kMaxArenaWorkers + 1}));
  EXPECT_FALSE(make_arena({.series_bytes = kMaxArenaPart + 1}));
  EXPECT_FALSE(make_arena({.record_bytes = UINT32_MAX}));
}

TEST(Arena, RefusesWhatIsNoSealedArenaOfThisVersion) {
  EXPECT_THAT(open_error(-1), HasSubstr("seals"));
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_THAT(open_error(null.get()), HasSubstr("seals"));

  const auto changed = [](auto change, int seals = F_SEAL_SHRINK | F_SEAL_GROW) {
    ArenaHeader header = {.magic = kArenaMagic,
                          .version = kArenaVersion,
                          .workers = 1,
                          .series_bytes = kArenaAlign,
                          .record_bytes = kArenaAlign};
    Fd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(ftruncate(fd.get(), 3 * kArenaAlign), 0);
    change(header);
    EXPECT_EQ(pwrite(fd.get(), &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
    EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, seals), 0);
    return fd;
  };
  EXPECT_TRUE(ArenaReader::open(changed([](ArenaHeader&) {}).get()));
  EXPECT_THAT(open_error(changed([](ArenaHeader&) {}, 0).get()), HasSubstr("not sealed"));
  EXPECT_THAT(open_error(changed([](ArenaHeader&) {}, F_SEAL_GROW).get()), HasSubstr("not sealed"));
  EXPECT_THAT(open_error(changed([](ArenaHeader& h) { ++h.magic; }).get()), HasSubstr("this version"));
  EXPECT_THAT(open_error(changed([](ArenaHeader& h) { ++h.version; }).get()), HasSubstr("this version"));
  EXPECT_THAT(open_error(changed([](ArenaHeader& h) { h.workers = 2; }).get()), HasSubstr("do not agree"));
  EXPECT_THAT(open_error(changed([](ArenaHeader& h) { h.workers = 0; }).get()), HasSubstr("do not agree"));
  EXPECT_THAT(open_error(changed([](ArenaHeader& h) { h.series_bytes = 0; }).get()), HasSubstr("do not agree"));
  EXPECT_THAT(open_error(changed([](ArenaHeader& h) {
                           h.series_bytes += 8;
                           h.record_bytes -= 8;
                         }).get()),
              HasSubstr("do not agree"));
  // Sizes whose sum, cut to 32 bits, would be right.
  EXPECT_THAT(open_error(changed([](ArenaHeader& h) {
                           h.series_bytes = 0u - kArenaAlign;
                           h.record_bytes *= 3;
                         }).get()),
              HasSubstr("do not agree"));
}

}  // namespace
}  // namespace fairlead::telemetry
