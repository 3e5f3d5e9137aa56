#include "userspace-proxy/http/h1.h"

#include <gtest/gtest.h>

namespace fairlead::http {
namespace {

using namespace std::string_literals;

struct Outcome {
  std::string payload;
  Progress progress = Progress::kNeedMore;
  size_t consumed = 0;

  bool operator==(const Outcome&) const = default;
};

// Feeds pieces of `piece` bytes each.
Outcome read_in_pieces(std::string_view bytes, size_t piece) {
  ChunkedReader reader;
  Outcome outcome;
  size_t given = 0;
  while (outcome.progress == Progress::kNeedMore && given < bytes.size()) {
    given = std::min(bytes.size(), given + piece);
    for (;;) {
      const auto step = reader.step(bytes.substr(outcome.consumed, given - outcome.consumed));
      outcome.payload += step.payload;
      outcome.consumed += step.consumed;
      outcome.progress = step.progress;
      if (step.progress != Progress::kNeedMore || step.consumed == 0) {
        break;
      }
    }
  }
  return outcome;
}

Outcome read(std::string_view bytes) { return read_in_pieces(bytes, bytes.size()); }

TEST(Chunked, WellFormedBodiesAreRead) {
  struct {
    std::string bytes, payload;
  } const cases[] = {
      {"0\r\n\r\n", ""},
      {"5\r\nabcde\r\n0\r\n\r\n", "abcde"},
      {"5;a=b\r\nabcde\r\n0;last\r\n\r\n", "abcde"},
      {"5 \t;a=\"q;q\"\r\nabcde\r\n0\r\n\r\n", "abcde"},
      {"A\r\n0123456789\r\n00b\r\n\r\n\r\n\r\n\r\nabc\r\n000\r\n\r\n", "0123456789\r\n\r\n\r\n\r\nabc"},
      {"1\r\na\r\n2\r\nbc\r\n0\r\nX-Role: admin\r\nHost:\r\nContent-Length: 99\r\n\r\n", "abc"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(read(c.bytes + "GET /"), (Outcome{c.payload, Progress::kDone, c.bytes.size()})) << c.bytes;
  }
}

TEST(Chunked, MalformedBodiesAreRefused) {
  const std::string cases[] = {
      "\r\n",
      ";a\r\n",
      "0x5\r\nabcde\r\n",
      "+5\r\nabcde\r\n",
      "-1\r\nabcde\r\n",
      " 5\r\nabcde\r\n",
      "5 \r\nabcde\r\n",
      "5\nabcde\r\n",
      "5\rabcde\r\n",
      "5\r\nabcde0\r\n\r\n",
      "3\r\nabcde\r\n",
      "5\r\nabcde\n0\r\n\r\n",
      "5 5\r\n",
      "5g\r\n",
      "10000000000000005\r\nabcde\r\n",
      "5;a\nb\r\n",
      "5;a\rb\r\n",
      "5;a\0b\r\n"s,
      "0\r\n\n",
      "0\r\nX\r\n\r\n",
      "0\r\n: x\r\n\r\n",
      "0\r\n X: y\r\n\r\n",
      "0\r\nX: y\n\r\n",
      "0\r\nX: \x01\r\n\r\n",
      "0\r\nX : y\r\n\r\n",
      "0\r\nX: a\r\n b\r\n\r\n",
      "0\r\n\rX",
  };
  for (const std::string& bytes : cases) {
    EXPECT_EQ(read(bytes).progress, Progress::kRefused) << bytes;
  }
}

TEST(Chunked, LargestSizeIsTakenAsALength) {
  const auto outcome = read("FFFFFFFFFFFFFFFF\r\nabc");
  EXPECT_EQ(outcome, (Outcome{"abc", Progress::kNeedMore, 21}));
}

TEST(Chunked, LimitsHold) {
  const std::string extension(4000, 'x');
  EXPECT_EQ(read("1;" + extension + "\r\na\r\n0;" + extension + "\r\n\r\n").progress, Progress::kDone);
  EXPECT_EQ(read("1;" + extension + extension).progress, Progress::kRefused);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) {
    trailers += "X: y\r\n";
  }
  EXPECT_EQ(read(trailers + "\r\n").progress, Progress::kDone);
  EXPECT_EQ(read(trailers + "X: y\r\n\r\n").progress, Progress::kRefused);
  EXPECT_EQ(read("0\r\nX: " + std::string(kMaxHeadBytes, 'a')).progress, Progress::kRefused);
}

TEST(Chunked, LimitsAreThoseOfEachChunk) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    bytes += "0001;" + std::string(100, 'x') + "\r\na\r\n";
  }
  EXPECT_EQ(read(bytes + "0\r\n\r\n").progress, Progress::kDone);
}

TEST(Chunked, RefusalAndEndAreFinal) {
  ChunkedReader reader;
  EXPECT_EQ(reader.step("x").progress, Progress::kRefused);
  EXPECT_EQ(reader.step("0\r\n\r\n").progress, Progress::kRefused);
  ChunkedReader ended;
  EXPECT_EQ(ended.step("0\r\n\r\n").progress, Progress::kDone);
  const auto after = ended.step("5\r\n");
  EXPECT_EQ(after.progress, Progress::kDone);
  EXPECT_EQ(after.consumed, 0U);
}

TEST(Chunked, OutcomeDoesNotDependOnTheSplits) {
  const std::string cases[] = {
      "5;a=b\r\nabcde\r\n1f\r\n0123456789012345678901234567890\r\n0\r\nX-Role: admin\r\nY:z\r\n\r\nGET / HTTP/1.1\r\n",
      "5\r\nabcdeX\r\n",
      "3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
      "3\r\nabc\r\n7\r\nincomp",
  };
  for (const std::string& bytes : cases) {
    const Outcome whole = read(bytes);
    for (size_t piece = 1; piece < bytes.size(); ++piece) {
      EXPECT_EQ(read_in_pieces(bytes, piece), whole) << piece;
    }
  }
}

TEST(Chunked, WhatIsWrittenIsRead) {
  std::string wire;
  append_chunk(wire, "");
  append_chunk(wire, "hello");
  append_chunk(wire, std::string(70000, 'x'));
  append_last_chunk(wire);
  EXPECT_EQ(read(wire), (Outcome{"hello" + std::string(70000, 'x'), Progress::kDone, wire.size()}));
}

}  // namespace
}  // namespace fairlead::http
