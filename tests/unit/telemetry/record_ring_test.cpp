#include "userspace-proxy/telemetry/record_ring.h"

#include "tests/unit/telemetry/samples.h"
#include "userspace-proxy/telemetry/record_codec.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace fairlead::telemetry {
namespace {

struct Ring {
  explicit Ring(size_t count = 8192) : words(count) {}

  RecordBatch read(RecordPlace& place) const {
    RecordBatch batch;
    reader.read(place, batch);
    return batch;
  }

  std::vector<uint64_t> words;
  uint64_t tail = 0, head = 0;
  RecordRing writer{words, tail, head};
  RecordRingReader reader{words, tail, head};
};

// A record that says its number in every way it can, in a size that depends on the number.
RecordOwned numbered(uint64_t number) {
  RecordOwned record = sample_record();
  record.bytes_sent = number;
  record.duration_ns = number * 3;
  record.status = static_cast<uint16_t>(number);
  record.target = std::string(number * 7 % (kMaxRecordText + 1), static_cast<char>('a' + number % 26));
  record.protocol = std::to_string(number);
  return record;
}

// How long writer and reader race: until they met this often in the middle of a read, or, on a machine where they
// hardly run at once, until that many records.
constexpr uint64_t kLeastWritten = 5'000, kMostWritten = 40'000, kOvertakings = 20;

TEST(RecordCodec, GivesBackEveryField) {
  const RecordOwned record = sample_record();
  FrameBuffer buffer;
  const auto frame = encode(view(record), 9, buffer);
  EXPECT_EQ(sequence_of(frame.first<kFrameHeadWords>()), 9u);
  EXPECT_EQ(words_of(frame.first<kFrameHeadWords>()), frame.size());
  EXPECT_EQ(decode(frame), record);
}

TEST(RecordCodec, GivesBackAnEmptyRecordAndOneOfTheLargest) {
  FrameBuffer buffer;
  EXPECT_EQ(decode(encode(Record(), 0, buffer)), RecordOwned());
  RecordOwned large = sample_record();
  for (auto* text : {&large.source_workload, &large.source_principal, &large.destination_workload, &large.method,
                     &large.authority, &large.target, &large.route, &large.cluster, &large.policy, &large.protocol}) {
    *text = std::string(kMaxRecordText, 'x');
  }
  const auto frame = encode(view(large), 0, buffer);
  EXPECT_EQ(frame.size(), kMaxFrameWords);
  EXPECT_EQ(decode(frame), large);
}

TEST(RecordCodec, CutsLongTextsAndKeepsTheOthers) {
  RecordOwned record = sample_record();
  record.target = std::string(60'000, 'x');
  FrameBuffer buffer;
  const auto read = decode(encode(view(record), 0, buffer));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->target, std::string(kMaxRecordText, 'x'));
  EXPECT_EQ(read->protocol, record.protocol);
}

TEST(RecordRing, GivesRecordsInOrderAndEachOnce) {
  Ring ring;
  RecordPlace place;
  uint64_t written = 0, read = 0;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < round % 7; ++i) {
      ring.writer.append(view(numbered(written++)));
    }
    const RecordBatch batch = ring.read(place);
    EXPECT_EQ(batch.lost, 0u);
    EXPECT_EQ(batch.malformed, 0u);
    for (const RecordOwned& record : batch.records) {
      EXPECT_EQ(record, numbered(read++));
    }
    EXPECT_EQ(read, written);
  }
  EXPECT_GT(ring.head, 3 * ring.words.size());  // it went round
}

TEST(RecordRing, KeepsTheNewestRecordsAndCountsTheLostOnes) {
  Ring ring;
  constexpr uint64_t kWritten = 1000;
  for (uint64_t i = 0; i < kWritten; ++i) {
    ring.writer.append(view(numbered(i)));
  }
  RecordPlace place;
  const RecordBatch batch = ring.read(place);
  ASSERT_FALSE(batch.records.empty());
  EXPECT_EQ(batch.lost + batch.records.size(), kWritten);
  for (size_t i = 0; i < batch.records.size(); ++i) {
    EXPECT_EQ(batch.records[i], numbered(batch.lost + i));
  }
  // No more than one of the largest records is given away too early.
  EXPECT_GT(ring.head - ring.tail + kMaxFrameWords, ring.words.size());
  EXPECT_TRUE(ring.read(place).records.empty());
}

TEST(RecordRing, ServesReadersAtDifferentPlaces) {
  Ring ring;
  RecordPlace early, late;
  ring.writer.append(view(numbered(0)));
  EXPECT_EQ(ring.read(early).records.size(), 1u);
  ring.writer.append(view(numbered(1)));
  EXPECT_EQ(ring.read(early).records.size(), 1u);
  EXPECT_EQ(ring.read(late).records.size(), 2u);
}

// Whatever the writer does meanwhile: every record is whole, in order, and read or counted as lost. Under
// ThreadSanitizer this shows that the words are no data race.
TEST(RecordRing, GivesWholeRecordsOnlyWhileTheWriterOvertakes) {
  Ring ring(4096);
  std::atomic<bool> done = false;
  std::atomic<uint64_t> written = 0;
  std::thread writer([&] {
    while (!done) {
      ring.writer.append(view(numbered(written++)));
    }
  });
  RecordPlace place;
  uint64_t next = 0, whole = 0, overtaken = 0;
  const auto take = [&] {
    const RecordBatch batch = ring.read(place);
    EXPECT_EQ(batch.malformed, 0u);
    next += batch.lost;
    for (const RecordOwned& record : batch.records) {
      EXPECT_GE(next, record.bytes_sent);  // losses of this batch lie before or between its records
      EXPECT_EQ(record, numbered(record.bytes_sent));
      ++next;
    }
  };
  // A fresh place stands at the oldest record, which is the next that the writer overwrites: there they meet.
  const auto chase = [&] {
    RecordPlace oldest;
    const RecordBatch batch = ring.read(oldest);
    EXPECT_EQ(batch.malformed, 0u);
    uint64_t after = batch.records.empty() ? 0 : batch.records.front().bytes_sent;
    for (const RecordOwned& record : batch.records) {
      EXPECT_EQ(record, numbered(record.bytes_sent));
      overtaken += record.bytes_sent != after ? 1 : 0;
      after = record.bytes_sent + 1;
      ++whole;
    }
  };
  while (written < kLeastWritten || (overtaken < kOvertakings && written < kMostWritten)) {
    take();
    chase();
  }
  done = true;
  writer.join();
  take();
  EXPECT_EQ(next, written);
  EXPECT_GT(whole, 0u);
}

}  // namespace
}  // namespace fairlead::telemetry
