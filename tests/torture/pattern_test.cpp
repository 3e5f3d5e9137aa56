// The checks of the torture test see what they are to see: loss, doubling, exchange of streams, and framing.
#include "tests/torture/pattern.h"

#include "tests/torture/framing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fairlead::torture {
namespace {

using testing::HasSubstr;

const Pattern& pattern() {
  static const Pattern made;
  return made;
}

constexpr Stream kStream{.start = Pattern::kSize - 1000, .total = 100'000};
constexpr Stream kOther{.start = 5'000'000, .total = 100'000};

std::string bytes(const Stream& stream, uint64_t from, uint64_t count) {
  std::string all;
  while (all.size() < count) {
    const auto piece = pattern().bytes(stream, from + all.size(), count - all.size());
    all.append(piece.data(), piece.size());
  }
  return all;
}

std::string complaint(uint64_t position, const std::string& got) {
  return pattern().complaint(kStream, position, got).value_or("");
}

TEST(TorturePattern, takes_what_was_sent_also_where_the_ring_begins_anew) {
  EXPECT_EQ(complaint(0, bytes(kStream, 0, 100'000)), "");
  EXPECT_EQ(complaint(999, bytes(kStream, 999, 2)), "");
}

TEST(TorturePattern, names_bytes_that_are_missing) {
  EXPECT_THAT(complaint(500, bytes(kStream, 500, 100) + bytes(kStream, 700, 100)),
              HasSubstr("those of 700: 100 are missing"));
}

TEST(TorturePattern, names_bytes_that_come_twice) {
  EXPECT_THAT(complaint(1500, bytes(kStream, 1500, 100) + bytes(kStream, 1550, 100)),
              HasSubstr("those of 1550: 50 are doubled"));
}

TEST(TorturePattern, names_bytes_of_another_stream_and_of_none) {
  EXPECT_THAT(complaint(40, bytes(kOther, 40, 100)), HasSubstr("of another stream"));
  EXPECT_THAT(complaint(40, std::string(100, 'x')), HasSubstr("of no stream"));
}

TEST(TorturePattern, sees_a_single_wrong_byte_and_bytes_behind_the_end) {
  std::string got = bytes(kStream, 0, 5000);
  got[4321] = static_cast<char>(~got[4321]);
  EXPECT_THAT(complaint(0, got), HasSubstr("at 4321 of 100000"));
  EXPECT_THAT(complaint(99'999, bytes(kStream, 99'999, 2)), HasSubstr("more than the 100000"));
}

TEST(TorturePayload, takes_chunks_apart_byte_by_byte) {
  const std::string framed = "5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n\r\nnext";
  Payload payload(Payload::Kind::kChunked, 0);
  std::string got;
  size_t used = 0;
  for (; used < framed.size() && !payload.whole(); used++) {
    std::span<const char> byte(framed.data() + used, 1);
    const auto piece = payload.take(byte);
    got.append(piece.data(), piece.size());
  }
  EXPECT_EQ(got, "hello world");
  EXPECT_TRUE(payload.whole());
  EXPECT_EQ(framed.substr(used), "next");
}

TEST(TorturePayload, does_not_take_a_cut_message_for_a_whole_one) {
  Payload chunked(Payload::Kind::kChunked, 0), counted(Payload::Kind::kLength, 6);
  const std::string cut = "5\r\nhello\r\n0\r\n";
  {
    std::span<const char> rest(cut);
    EXPECT_EQ(chunked.take(rest).size(), 5U);
    EXPECT_TRUE(chunked.take(rest).empty());
    EXPECT_FALSE(chunked.whole());
  }
  std::span<const char> rest("hello", 5);
  EXPECT_EQ(counted.take(rest).size(), 5U);
  EXPECT_FALSE(counted.whole());
}

}  // namespace
}  // namespace fairlead::torture
