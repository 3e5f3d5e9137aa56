#include "tests/unit/http/parsed.h"

#include <gtest/gtest.h>

namespace fairlead::http {
namespace {

using Kind = BodyFraming::Kind;

TEST(Response, IsTakenApart) {
  const auto parsed = parse_response(
      "HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 3\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\nabc");
  ASSERT_EQ(parsed->progress, Progress::kDone) << parsed->refusal.detail;
  EXPECT_EQ(parsed->head.status, 404);
  EXPECT_EQ(parsed->head.phrase, "Not Found");
  EXPECT_EQ(parsed->head.minor, 1);
  EXPECT_TRUE(parsed->head.keep_alive);
  EXPECT_EQ(parsed->head.body, BodyFraming(Kind::kLength, 3));
  EXPECT_EQ(parsed->head.fields.size(), 4U);
  EXPECT_EQ(parsed->consumed, parsed->bytes.size() - 3);
}

TEST(Response, PhraseMayBeEmptyOrAbsent) {
  EXPECT_EQ(parse_response("HTTP/1.1 200 \r\n\r\n")->progress, Progress::kDone);
  const auto parsed = parse_response("HTTP/1.1 200\r\n\r\n");
  EXPECT_EQ(parsed->progress, Progress::kDone);
  EXPECT_EQ(parsed->head.phrase, "");
}

TEST(Response, MalformedOnesAreRefusedWith502) {
  const std::string_view cases[] = {
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.2 200 OK\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 099 OK\r\n\r\n",
      "HTTP/1.1 2x0 OK\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\n\n",
      "HTTP/1.1 200 O\rK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
      "SSH-2.0",
      "X",
  };
  for (const std::string_view bytes : cases) {
    const auto parsed = parse_response(bytes);
    EXPECT_EQ(parsed->progress, Progress::kRefused) << bytes;
    EXPECT_EQ(parsed->refusal.status, 502) << bytes;
    EXPECT_EQ(parsed->refusal.reason, Reason::UPSTREAM_PROTOCOL_ERROR) << bytes;
    EXPECT_FALSE(parsed->refusal.detail.empty()) << bytes;
  }
}

TEST(Response, BodyFollowsFromMethodStatusAndFields) {
  struct {
    std::string_view name, method, status, fields;
    BodyFraming body;
    bool keep_alive;
  } const cases[] = {
      {"HEAD", "HEAD", "200", "Content-Length: 5\r\n", {}, true},
      {"HEAD, chunked", "HEAD", "200", "Transfer-Encoding: chunked\r\n", {}, true},
      {"HEAD, nothing said", "HEAD", "200", "", {}, true},
      {"no content", "GET", "204", "", {}, true},
      {"no content, with a length", "GET", "204", "Content-Length: 5\r\n", {}, false},
      {"no content, chunked", "GET", "204", "Transfer-Encoding: chunked\r\n", {}, false},
      {"no content, empty", "GET", "204", "Content-Length: 0\r\n", {}, true},
      {"not modified", "GET", "304", "Content-Length: 5\r\n", {}, true},
      {"continue", "POST", "100", "", {}, true},
      {"early hints", "GET", "103", "", {}, true},
      {"length", "GET", "200", "Content-Length: 5\r\n", {Kind::kLength, 5}, true},
      {"empty", "GET", "500", "Content-Length: 0\r\n", {Kind::kLength, 0}, true},
      {"chunked", "GET", "200", "Transfer-Encoding: Chunked\r\n", {Kind::kChunked, 0}, true},
      {"until close", "GET", "200", "", {Kind::kUntilClose, 0}, false},
      {"close", "GET", "200", "Content-Length: 5\r\nConnection: close\r\n", {Kind::kLength, 5}, false},
      {"tunnel", "CONNECT", "200", "Content-Length: 5\r\n", {Kind::kUntilClose, 0}, false},
      {"no tunnel", "CONNECT", "404", "Content-Length: 5\r\n", {Kind::kLength, 5}, true},
  };
  for (const auto& c : cases) {
    const auto parsed =
        parse_response("HTTP/1.1 " + std::string(c.status) + " X\r\n" + std::string(c.fields) + "\r\n", c.method);
    ASSERT_EQ(parsed->progress, Progress::kDone) << c.name << parsed->refusal.detail;
    EXPECT_EQ(parsed->head.body, c.body) << c.name;
    EXPECT_EQ(parsed->head.keep_alive, c.keep_alive) << c.name;
  }
}

TEST(Response, Http10ConnectionsCloseUnlessToldOtherwise) {
  EXPECT_FALSE(parse_response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")->head.keep_alive);
  EXPECT_TRUE(
      parse_response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n")->head.keep_alive);
}

TEST(Response, SwitchingProtocolsIsTakenWhereAnUpgradeWasAsked) {
  const auto parsed = parse_response(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes", "GET", true);
  ASSERT_EQ(parsed->progress, Progress::kDone) << parsed->refusal.detail;
  EXPECT_EQ(parsed->head.body.kind, Kind::kUntilClose);
  EXPECT_EQ(parse_response("HTTP/1.1 101 Switching Protocols\r\n\r\n", "GET", true)->progress, Progress::kRefused);
}

TEST(Response, LargeHeadsAreRefused) {
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\nX: " + std::string(kMaxHeadBytes, 'a'))->refusal.status, 502);
  std::string fields;
  for (int i = 0; i < 101; ++i) {
    fields += "X: y\r\n";
  }
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\n" + fields + "\r\n")->refusal.status, 502);
}

}  // namespace
}  // namespace fairlead::http
