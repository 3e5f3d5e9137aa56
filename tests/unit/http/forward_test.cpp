#include "userspace-proxy/http/forward.h"

#include "tests/unit/http/parsed.h"

#include <gtest/gtest.h>

#include <array>

namespace fairlead::http {
namespace {

std::string request(std::string_view bytes, const RequestEdits& edits = {}) {
  const auto parsed = parse_request(bytes);
  EXPECT_EQ(verdict(*parsed), 0) << parsed->refusal.detail;
  std::string out;
  write_request(out, parsed->head, edits);
  return out;
}

std::string response(std::string_view bytes, const ResponseEdits& edits = {}, std::string_view method = "GET",
                     bool upgrade = false) {
  const auto parsed = parse_response(bytes, method, upgrade);
  EXPECT_EQ(parsed->progress, Progress::kDone) << parsed->refusal.detail;
  std::string out;
  write_response(out, parsed->head, edits);
  return out;
}

TEST(Forward, RequestWithoutHopByHopFieldsIsCopiedAsItCame) {
  const std::string bytes = "POST /a?b HTTP/1.1\r\nHost: web.shop\r\nX-A: 1\r\nContent-Length: 3\r\nx-a: 2\r\n\r\n";
  EXPECT_EQ(request(bytes), bytes);
}

TEST(Forward, HopByHopFieldsEndHere) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nX-A: 1\r\n"
                    "X-Hop: 1\r\nX-B: 2\r\nConnection: close, X-Hop\r\nTE: gzip\r\nTrailer: X\r\nUpgrade: h2c\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
}

TEST(Forward, TeTrailersPasses) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n");
}

TEST(Forward, BlanksRoundValuesAreWrittenAsOneSpace) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost:h\r\nX-Pad: \t v \t\r\nX-Empty:\r\nX-Tab:\tv\r\nX-Trail: v \r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: h\r\nX-Pad: v\r\nX-Empty: \r\nX-Tab: v\r\nX-Trail: v\r\n\r\n");
}

TEST(Forward, FieldsThatDoNotLieSideBySideAreWrittenAllTheSame) {
  const auto first = parse_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n");
  const std::string other = "X-B: 2\r\n";
  first->head.fields.push({std::string_view(other).substr(0, 3), std::string_view(other).substr(5, 1)}, FieldId::kOther,
                          Fields::Layout::kVerbatim);
  std::string out;
  write_response(out, first->head, {});
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
}

TEST(Forward, NormalisedPathIsWhatIsSentOn) {
  EXPECT_EQ(request("GET /a/../%62?q=/../x#f HTTP/1.1\r\nHost: h\r\n\r\n"),
            "GET /b?q=/../x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(request("GET /x? HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /x? HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(Forward, AbsoluteTargetBecomesOriginFormAndItsAuthorityTheHost) {
  EXPECT_EQ(request("GET http://real.shop/x?y HTTP/1.1\r\nX-A: 1\r\nHost: claimed\r\n\r\n"),
            "GET /x?y HTTP/1.1\r\nHost: real.shop\r\nX-A: 1\r\n\r\n");
  EXPECT_EQ(request("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(Forward, ExpectContinueIsDroppedAndOtherExpectationsPass) {
  EXPECT_EQ(request("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n"),
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n");
}

TEST(Forward, ChunkedIsSaidAnewAndFramingMayChange) {
  const std::string chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\nHost: h\r\n\r\n";
  EXPECT_EQ(request(chunked), "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(request(chunked, {.body = BodyFraming{BodyFraming::Kind::kLength, 7}}),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
                    {.body = BodyFraming{BodyFraming::Kind::kNone, 0}}),
            "POST / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(Forward, TargetAndAuthorityAreReplaced) {
  EXPECT_EQ(request("GET /old HTTP/1.1\r\nX-A: 1\r\nHost: old\r\n\r\n", {.target = "/new?q", .authority = "new:80"}),
            "GET /new?q HTTP/1.1\r\nHost: new:80\r\nX-A: 1\r\n\r\n");
}

TEST(Forward, ConfiguredTargetCannotBreakTheRequestLine) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\n\r\n", {.target = "/a b\r\n#\x7f"}),
            "GET /a%20b%0D%0A%23%7F HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(Forward, SetReplacesAddAppendsRemoveDrops) {
  const std::array set = {Field{"X-Set", "new"}};
  const std::array add = {Field{"x-add", "2"}};
  const std::array<std::string_view, 1> remove = {"x-gone"};
  const std::array levels = {FieldEdits{set, add, remove}};
  const std::array append = {Field{"X-Own", "o"}};
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\nx-set: a\r\nX-Add: 1\r\nX-SET: b\r\nX-Gone: c\r\nX-Kept: d\r\n\r\n",
                    {.fields = levels, .append = append, .connection_close = true}),
            "GET / HTTP/1.1\r\nHost: h\r\nX-Add: 1\r\nX-Kept: d\r\nX-Set: new\r\nx-add: 2\r\nX-Own: o\r\n"
            "Connection: close\r\n\r\n");
}

TEST(Forward, LaterLevelsSeeWhatEarlierOnesDid) {
  const std::array first_set = {Field{"x-a", "1"}, Field{"x-b", "1"}, Field{"x-b", "2"}};
  const std::array first_add = {Field{"x-c", "1"}, Field{"x-d", "1"}};
  const std::array second_set = {Field{"X-A", "2"}};
  const std::array second_add = {Field{"X-C", "2"}, Field{"x-d", "2"}};
  const std::array<std::string_view, 1> second_remove = {"x-d"};
  const std::array levels = {FieldEdits{first_set, first_add, {}}, FieldEdits{second_set, second_add, second_remove}};
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\nx-d: 0\r\n\r\n", {.fields = levels}),
            "GET / HTTP/1.1\r\nHost: h\r\nx-b: 2\r\nx-c: 1\r\nX-A: 2\r\nX-C: 2\r\nx-d: 2\r\n\r\n");
}

TEST(Forward, EditsOfHostSetTheAuthority) {
  const std::array set = {Field{"HOST", "configured"}};
  const std::array<std::string_view, 1> remove = {"host"};
  const std::array levels = {FieldEdits{set, {}, {}}, FieldEdits{{}, {}, remove}};
  const std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(request(bytes, {.fields = levels}), "GET / HTTP/1.1\r\nHost: configured\r\n\r\n");
  EXPECT_EQ(request(bytes, {.authority = "rewritten", .fields = levels}), "GET / HTTP/1.1\r\nHost: rewritten\r\n\r\n");
  EXPECT_EQ(request(bytes, {.fields = std::span(levels).subspan(1)}), bytes);
}

TEST(Forward, FramingIsNotForEditsToChange) {
  const std::array set = {Field{"Content-Length", "9"}, Field{"transfer-encoding", "gzip"}, Field{"Connection", "x"}};
  const std::array<std::string_view, 2> remove = {"content-length", "te"};
  const std::array levels = {FieldEdits{set, set, remove}};
  const std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTE: trailers\r\n\r\n";
  EXPECT_EQ(request(bytes, {.fields = levels}), bytes);
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
  EXPECT_EQ(response(answer, {.fields = levels}), answer);
}

TEST(Forward, WebsocketUpgradeIsKeptOnDemand) {
  const std::string bytes =
      "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "
      "k\r\n\r\n";
  EXPECT_EQ(request(bytes, {.keep_upgrade = true}),
            "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nConnection: Upgrade\r\n\r\n");
  EXPECT_EQ(request(bytes), "GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\n\r\n");
  EXPECT_EQ(response("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
                     {.keep_upgrade = true}, "GET", true),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
}

TEST(Forward, ResponseIsCopiedWithoutItsHopByHopFields) {
  EXPECT_EQ(response("HTTP/1.0 200 Fine\r\nServer: nginx\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
                     "Content-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
                     {.connection_close = true}),
            "HTTP/1.1 200 Fine\r\nServer: nginx\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
            "Connection: close\r\n\r\n");
}

TEST(Forward, BodyUntilCloseMayBeSentOnInChunks) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nX: y\r\n\r\n", {.body = BodyFraming{BodyFraming::Kind::kChunked, 0}}),
            "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nX: y\r\n\r\n"), "HTTP/1.1 200 OK\r\nX: y\r\n\r\n");
}

TEST(Forward, LengthOfABodyThatIsNotSentIsKeptWhereItMeansSomething) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {}, "HEAD"),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(response("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(response("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: x\r\n\r\n"),
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {}, "HEAD"), "HTTP/1.1 200 OK\r\n\r\n");
}

}  // namespace
}  // namespace fairlead::http
