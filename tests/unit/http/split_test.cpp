// However the bytes of a head were cut into reads, the outcome is that of one piece.
#include "tests/unit/http/parsed.h"

#include <gtest/gtest.h>

#include <random>

namespace fairlead::http {
namespace {

// Everything of a head and its outcome, as text.
std::string describe(const Fields& fields) {
  std::string text;
  for (size_t i = 0; i < fields.size(); ++i) {
    text += std::string(fields[i].name) + "=" + std::string(fields[i].value) + ";" +
            std::to_string(static_cast<int>(fields.id(i))) + (fields.is_verbatim(i) ? "v\n" : "\n");
  }
  return text;
}

std::string describe(const RequestHead& head) {
  std::string text;
  for (const std::string_view part : {head.method, head.target, head.path, head.query, head.authority}) {
    text += std::string(part) + "|";
  }
  for (const bool flag : {head.has_query, head.path_was_normalised, head.target_names_authority, head.keep_alive,
                          head.expects_continue, head.has_upgrade}) {
    text += flag ? '1' : '0';
  }
  return text + std::to_string(static_cast<int>(head.body.kind)) + " " + std::to_string(head.body.length) + "\n" +
         describe(head.fields);
}

std::string describe(const ResponseHead& head) {
  return std::to_string(head.status) + std::string(head.phrase) + std::to_string(head.minor) +
         (head.keep_alive ? "k" : "c") + std::to_string(static_cast<int>(head.body.kind)) + " " +
         std::to_string(head.body.length) + "\n" + describe(head.fields);
}

struct RequestSide {
  RequestHead head;
  RequestParser parser;
  Progress parse(std::string_view bytes, size_t& consumed, Refusal& refusal) {
    return parser.parse(bytes, head, consumed, refusal);
  }
};

struct ResponseSide {
  ResponseHead head;
  ResponseParser parser;
  Progress parse(std::string_view bytes, size_t& consumed, Refusal& refusal) {
    return parser.parse(bytes, "GET", head, consumed, refusal);
  }
};

// Feeds prefixes that end at `cuts`, each in a buffer of its own: the bytes move between the calls.
template <typename Side>
std::string outcome(std::string_view bytes, const std::vector<size_t>& cuts) {
  auto side = std::make_unique<Side>();
  size_t consumed = 0;
  Refusal refusal;
  for (const size_t cut : cuts) {
    auto buffer = std::make_unique<char[]>(cut);  // exactly as large: reading past it is an error for sanitizers
    std::copy_n(bytes.data(), cut, buffer.get());
    switch (side->parse({buffer.get(), cut}, consumed, refusal)) {
      case Progress::kDone:
        return std::to_string(consumed) + " " + describe(side->head);
      case Progress::kRefused:
        return std::to_string(refusal.status) + " " + std::string(text_of(refusal.reason).name) + " " +
               std::string(refusal.detail);
      case Progress::kNeedMore:
        break;
    }
  }
  return "more";
}

template <typename Side>
void expect_same_in_all_splits(const std::vector<std::string>& messages) {
  std::mt19937 random(7);
  for (const std::string& bytes : messages) {
    const std::string whole = outcome<Side>(bytes, {bytes.size()});
    std::vector<size_t> each_byte;
    for (size_t at = 1; at <= bytes.size(); ++at) {
      each_byte.push_back(at);
      ASSERT_EQ(outcome<Side>(bytes, {at, bytes.size()}), whole) << bytes << "\nsplit at " << at;
    }
    ASSERT_EQ(outcome<Side>(bytes, each_byte), whole) << bytes;
    for (int round = 0; round < 50; ++round) {
      std::vector<size_t> cuts;
      for (size_t at = 0; at < bytes.size();) {
        at = std::min(bytes.size(), at + 1 + random() % 20);
        cuts.push_back(at);
      }
      ASSERT_EQ(outcome<Side>(bytes, cuts), whole) << bytes;
    }
  }
}

TEST(Split, RequestsDoNotDependOnHowTheyCame) {
  std::vector<std::string> messages = {
      "GET / HTTP/1.1\r\nHost: web.shop\r\n\r\n",
      "\r\n\r\nPOST /a/../%62?q=1#f HTTP/1.1\r\nHost: web.shop\r\nUser-Agent:  x \r\nX-Long: "
      "0123456789abcdef0123456789\r\n"
      "Connection: close, Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody",
      "GET http://other/x HTTP/1.1\r\nHost: web.shop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.0\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.9\r\nHost: h\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01 no line end",
      "GET / HTTP/1.1\r\nHost: h\r\n\rX",
      "\r\r\nGET",
      "\rX",
      "\r\n\x16\x03",
      "\x16\x03\x01",
      "GET / HTTP/1.1\r\nX: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
  };
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 102; ++i) {
    many += "A:b\r\n";
  }
  messages.push_back(many);
  expect_same_in_all_splits<RequestSide>(messages);
}

TEST(Split, ResponsesDoNotDependOnHowTheyCame) {
  expect_same_in_all_splits<ResponseSide>({
      "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 3\r\nX-Long: 0123456789abcdef0123456789\r\n\r\nabc",
      "HTTP/1.0 200\r\n\r\nabc",
      "HTTP/1.1 204 No Content\r\nX:y\r\n\r\n",
      "HTTP/1.1\r\nServer: x\r\n\r\n",
      "HTTP/1.1 20\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
      "HTTP/1.1 200 O\x01K not over",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTX",
  });
}

TEST(Split, HeadsTooLargeDoNotDependOnHowTheyCame) {
  const std::string bad_line = "GET / HTTP/1.1\r\nHost: h\r\nX: \x01";
  for (const std::string& begin : {std::string("GET / HTTP/1.1\r\nHost: h\r\nX: "), std::string("GET /"), bad_line}) {
    const std::string bytes = begin + std::string(kMaxHeadBytes, 'a') + "\r\nbad\r\n";
    const std::string whole = outcome<RequestSide>(bytes, {bytes.size()});
    EXPECT_TRUE(whole.starts_with("431 ")) << whole;
    std::vector<size_t> cuts;
    for (size_t at = 1000; at < bytes.size(); at += 997) {
      cuts.push_back(at);
    }
    cuts.push_back(bytes.size());
    EXPECT_EQ(outcome<RequestSide>(bytes, cuts), whole);
    EXPECT_EQ(outcome<RequestSide>(bytes, {kMaxHeadBytes - 1, kMaxHeadBytes}), whole);
    EXPECT_EQ(outcome<RequestSide>(bytes, {kMaxHeadBytes - 1}), "more");
  }
}

}  // namespace
}  // namespace fairlead::http
