#include "tests/unit/http/parsed.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::http {
namespace {

using namespace std::string_literals;

// A request with one more field line, or with another first line.
std::string with_line(std::string_view line) {
  return "GET / HTTP/1.1\r\nHost: web.shop\r\n" + std::string(line) + "\r\n\r\n";
}
std::string with_first_line(std::string_view line) { return std::string(line) + "\r\nHost: web.shop\r\n\r\n"; }

struct Case {
  std::string name;
  std::string bytes;
  int verdict;
};

void expect_verdicts(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto parsed = parse_request(c.bytes);
    EXPECT_EQ(verdict(*parsed), c.verdict) << c.name << ": " << parsed->refusal.detail;
    EXPECT_EQ(parsed->refusal.detail.empty(), c.verdict < 2) << c.name;
  }
}

TEST(Request, MalformedRequestLinesAreRefused) {
  expect_verdicts({
      {"no target", with_first_line("GET HTTP/1.1"), 400},
      {"empty target", with_first_line("GET  HTTP/1.1"), 400},
      {"two spaces before the version", with_first_line("GET /  HTTP/1.1"), 400},
      {"space behind the version", with_first_line("GET / HTTP/1.1 "), 400},
      {"tab for a space", with_first_line("GET\t/ HTTP/1.1"), 400},
      {"lower-case protocol", with_first_line("GET / http/1.1"), 400},
      {"other protocol", with_first_line("GET / ICY/1.1"), 400},
      {"no version", with_first_line("GET /"), 400},
      {"short version", with_first_line("GET / HTTP/1"), 400},
      {"long version", with_first_line("GET / HTTP/1.10"), 400},
      {"space in the target", with_first_line("GET /a b HTTP/1.1"), 400},
      {"control character in the target",
       with_first_line("GET /a\x01"
                       "b HTTP/1.1"),
       400},
      {"NUL in the target", with_first_line("GET /a\0b HTTP/1.1"s), 400},
      {"DEL in the target",
       with_first_line("GET /a\x7f"
                       "b HTTP/1.1"),
       400},
      {"bare CR in the target", with_first_line("GET /a\rb HTTP/1.1"), 400},
      {"method with a control character", with_first_line("GE\x01T / HTTP/1.1"), 400},
      {"method with a bracket", with_first_line("G(T / HTTP/1.1"), 400},
      {"no method", with_first_line(" / HTTP/1.1"), 400},
      {"target without a slash", with_first_line("GET x HTTP/1.1"), 400},
      {"asterisk without OPTIONS", with_first_line("GET * HTTP/1.1"), 400},
      {"backslash for the first slash", with_first_line("GET \\a HTTP/1.1"), 400},
      {"other scheme", with_first_line("GET ftp://h/ HTTP/1.1"), 400},
      {"https in the clear", with_first_line("GET https://h/ HTTP/1.1"), 400},
      {"user part in the target", with_first_line("GET http://u@h/ HTTP/1.1"), 400},
      {"no authority in the target", with_first_line("GET http:///x HTTP/1.1"), 400},
      {"not HTTP", "\0\x01\x02\x03\r\n\r\n"s, 400},
      {"not HTTP, without a line end", "\x16\x03\x01"s, 400},
      {"bare LF first", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"bare LF", "GET / HTTP/1.1\nHost: web.shop\n\n", 400},
      {"only fragment", with_first_line("GET #a HTTP/1.1"), 400},
  });
}

TEST(Request, OtherVersionsAreNotSpoken) {
  expect_verdicts({
      {"1.0", with_first_line("GET / HTTP/1.0"), 426},
      {"1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 426},
      {"1.0 before its head is complete", "GET / HTTP/1.0\r\n", 426},
      {"1.0 with a transfer coding", with_first_line("POST / HTTP/1.0\r\nTransfer-Encoding: chunked"), 426},
      {"1.7", with_first_line("GET / HTTP/1.7"), 505},
      {"2.0", with_first_line("GET / HTTP/2.0"), 505},
  });
  EXPECT_EQ(parse_request("GET / HTTP/1.0\r\n\r\n")->refusal.reason, Reason::UPGRADE_REQUIRED);
}

TEST(Request, MalformedHeaderLinesAreRefused) {
  expect_verdicts({
      {"no colon", with_line("X-A"), 400},
      {"empty name", with_line(": x"), 400},
      {"space in the name", with_line("X A: x"), 400},
      {"space before the colon", with_line("X-A : x"), 400},
      {"tab before the colon", with_line("X-A\t: x"), 400},
      {"bracket in the name", with_line("X(A): x"), 400},
      {"non-ASCII name", with_line("X-\xc3\xa9: x"), 400},
      {"NUL in the name", with_line("X\0A: x"s), 400},
      {"NUL in the value", with_line("X-A: a\0b"s), 400},
      {"control character in the value", with_line("X-A: a\x0b"), 400},
      {"control character behind 16 good ones", with_line("X-A: 0123456789abcdef0123\x01"), 400},
      {"DEL in a long value",
       with_line("X-A: 0123456789\x7f"
                 "abcdef0123456789"),
       400},
      {"bare CR in the value", with_line("X-A: a\rb"), 400},
      {"bare LF in the value", with_line("X-A: a\nX-B: b"), 400},
      {"two CR", with_line("X-A: a\r"), 400},
      {"folded line", with_line("X-A: a\r\n b"), 400},
      {"folded with a tab", with_line("X-A: a\r\n\tb"), 400},
      {"first line begins with a space", "GET / HTTP/1.1\r\n X-A: a\r\nHost: web.shop\r\n\r\n", 400},
      {"empty line of blanks", with_line(" "), 400},
  });
}

TEST(Request, UnusualButLegalHeaderLinesPass) {
  const auto parsed = parse_request(
      "GET / HTTP/1.1\r\nHost:web.shop\r\nx_a: 1\r\nX-Empty:\r\nX-Blank: \t \r\nX-Pad: \t v w \t\r\n"
      "X-Name: caf\xc3\xa9\r\n!#$%&'*+-.^_`|~9: tab\tinside\r\n\r\n");
  ASSERT_EQ(verdict(*parsed), 0) << parsed->refusal.detail;
  const RequestHead& head = parsed->head;
  EXPECT_EQ(head.authority, "web.shop");
  EXPECT_EQ(head.fields.get("x_a"), "1");
  EXPECT_EQ(head.fields.get("x-empty"), "");
  EXPECT_EQ(head.fields.get("x-blank"), "");
  EXPECT_EQ(head.fields.get("x-pad"), "v w");
  EXPECT_EQ(head.fields.get("x-name"), "caf\xc3\xa9");
  EXPECT_EQ(head.fields.get("!#$%&'*+-.^_`|~9"), "tab\tinside");
}

TEST(Request, HostIsRequiredOnceAndWellFormed) {
  auto with_host = [](std::string_view host) { return "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"; };
  expect_verdicts({
      {"missing", "GET / HTTP/1.1\r\n\r\n", 400},
      {"missing in an absolute target", "GET http://h/ HTTP/1.1\r\n\r\n", 400},
      {"two", "GET / HTTP/1.1\r\nHost: web.shop\r\nhOST: other.shop\r\n\r\n", 400},
      {"two equal ones", "GET / HTTP/1.1\r\nHost: web.shop\r\nHost: web.shop\r\n\r\n", 400},
      {"empty", with_host(""), 400},
      {"space inside", with_host("web shop"), 400},
      {"slash inside", with_host("web.shop/x"), 400},
      {"user part", with_host("u@web.shop"), 400},
      {"comma", with_host("web.shop,other.shop"), 400},
      {"escape", with_host("web%2eshop"), 400},
      {"non-ASCII", with_host("caf\xc3\xa9"), 400},
      {"port without a host", with_host(":80"), 400},
      {"port not a number", with_host("web.shop:8x"), 400},
      {"port too large", with_host("web.shop:65536"), 400},
      {"two ports", with_host("web.shop:80:80"), 400},
      {"IPv6 without brackets", with_host("::1"), 400},
      {"open bracket", with_host("[::1"), 400},
      {"empty brackets", with_host("[]"), 400},
      {"garbage in brackets", with_host("[g]"), 400},
      {"garbage behind brackets", with_host("[::1]x"), 400},
      {"IPv6", with_host("[fd00::1]:8080"), 0},
      {"v4-mapped", with_host("[::ffff:10.0.0.1]"), 0},
      {"port", with_host("web.shop:80"), 0},
      {"largest port", with_host("web.shop:65535"), 0},
      {"empty port", with_host("web.shop:"), 0},
      {"underscore", with_host("my_service.shop"), 0},
  });
  EXPECT_EQ(parse_request(with_host("WEB.Shop:80"))->head.authority, "WEB.Shop:80");
}

TEST(Request, FramingThatTwoPartiesMayReadDifferentlyIsRefused) {
  expect_verdicts({
      {"unknown coding", with_line("Transfer-Encoding: xchunked"), 501},
      {"gzip, chunked", with_line("Transfer-Encoding: gzip, chunked"), 501},
      {"chunked twice in one line", with_line("Transfer-Encoding: chunked, chunked"), 501},
      {"chunked twice", with_line("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 501},
      {"chunked, then identity", with_line("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), 501},
      {"empty coding", with_line("Transfer-Encoding:"), 501},
      {"quoted", with_line("Transfer-Encoding: \"chunked\""), 501},
      {"identity with a length", with_line("Transfer-Encoding: identity\r\nContent-Length: 3"), 400},
      {"chunked with a length", with_line("Transfer-Encoding: chunked\r\nContent-Length: 3"), 400},
      {"length with chunked", with_line("Content-Length: 3\r\nTransfer-Encoding: chunked"), 400},
      {"vertical tab before chunked",
       with_line("Transfer-Encoding: \x0b"
                 "chunked"),
       400},
      {"two lengths", with_line("Content-Length: 3\r\nContent-Length: 4"), 400},
      {"two equal lengths", with_line("Content-Length: 3\r\nContent-Length: 3"), 400},
      {"list of lengths", with_line("Content-Length: 3, 3"), 400},
      {"plus", with_line("Content-Length: +3"), 400},
      {"minus", with_line("Content-Length: -3"), 400},
      {"hexadecimal", with_line("Content-Length: 0x3"), 400},
      {"fraction", with_line("Content-Length: 3.0"), 400},
      {"empty length", with_line("Content-Length:"), 400},
      {"blank inside", with_line("Content-Length: 1 0"), 400},
      {"beyond 64 bits", with_line("Content-Length: 18446744073709551616"), 400},
      {"CONNECT with a body", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 1\r\n\r\n", 400},
  });
  EXPECT_EQ(parse_request(with_line("Transfer-Encoding: br"))->refusal.reason, Reason::UNKNOWN_TRANSFER_CODING);
}

TEST(Request, FramingIsReadFromItsFields) {
  using Kind = BodyFraming::Kind;
  EXPECT_EQ(parse_request(with_line("X-A: b"))->head.body, BodyFraming(Kind::kNone, 0));
  EXPECT_EQ(parse_request(with_line("content-length: 0"))->head.body, BodyFraming(Kind::kLength, 0));
  EXPECT_EQ(parse_request(with_line("Content-Length: 0042"))->head.body, BodyFraming(Kind::kLength, 42));
  EXPECT_EQ(parse_request(with_line("Content-Length: 18446744073709551615"))->head.body,
            BodyFraming(Kind::kLength, UINT64_MAX));
  EXPECT_EQ(parse_request(with_line("TRANSFER-ENCODING: CHUNKED"))->head.body, BodyFraming(Kind::kChunked, 0));
}

TEST(Request, LargeHeadsAreRefusedWith431) {
  auto of_size = [](size_t size) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: web.shop\r\nX-Big: ";
    bytes.append(size - bytes.size() - 4, 'a');
    return bytes + "\r\n\r\n";
  };
  auto of_fields = [](size_t count) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: web.shop\r\n";
    for (size_t i = 1; i < count; ++i) {
      bytes += "X-" + std::to_string(i) + ": 1\r\n";
    }
    return bytes + "\r\n";
  };
  expect_verdicts({
      {"60 KiB", of_size(kMaxHeadBytes), 0},
      {"one byte more", of_size(kMaxHeadBytes + 1), 431},
      {"64 KB in one field", of_size(64000), 431},
      {"64 KB of target", with_first_line("GET /" + std::string(64000, 'p') + " HTTP/1.1"), 431},
      {"8 KB of target", with_first_line("GET /" + std::string(8000, 'p') + " HTTP/1.1"), 0},
      {"no end in 60 KiB", "GET / HTTP/1.1\r\nX: " + std::string(kMaxHeadBytes, 'a'), 431},
      {"empty lines without end",
       [] {
         std::string lines;
         while (lines.size() < kMaxHeadBytes) {
           lines += "\r\n";
         }
         return lines;
       }(),
       431},
      {"100 fields", of_fields(100), 0},
      {"101 fields", of_fields(101), 431},
  });
  EXPECT_EQ(parse_request(of_fields(101))->refusal.reason, Reason::HEAD_TOO_LARGE);
}

TEST(Request, EmptyLinesBeforeARequestAreSkipped) {
  const auto parsed = parse_request("\r\n\r\nGET /late HTTP/1.1\r\nHost: h\r\n\r\nGET /next");
  ASSERT_EQ(verdict(*parsed), 0);
  EXPECT_EQ(parsed->head.path, "/late");
  EXPECT_EQ(parsed->consumed, parsed->bytes.size() - std::string_view("GET /next").size());
}

TEST(Request, ConsumesExactlyItsHead) {
  const std::string first = "POST /one HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
  const auto parsed = parse_request(first + "abc\r\n\r\n");
  ASSERT_EQ(verdict(*parsed), 0);
  EXPECT_EQ(parsed->consumed, first.size());
}

TEST(Request, TargetIsTakenApart) {
  struct {
    std::string target, path, query;
    bool has_query;
    std::string sent;
  } const cases[] = {
      {"/", "/", "", false, "/"},
      {"/x?", "/x", "", true, "/x?"},
      {"/x?a=b&c=%20?d", "/x", "a=b&c=%20?d", true, "/x?a=b&c=%20?d"},
      {"/a#/b", "/a", "", false, "/a"},
      {"/a?q#f?g", "/a", "q", true, "/a?q"},
      {"/a/../b?x=/../y", "/b", "x=/../y", true, "/a/../b?x=/../y"},
      {"/caf\xc3\xa9", "/caf\xc3\xa9", "", false, "/caf\xc3\xa9"},
      {"http://web.shop", "/", "", false, "http://web.shop"},
      {"HTTP://web.shop?q", "/", "q", true, "HTTP://web.shop?q"},
      {"http://web.shop:80/%61?q#f", "/a", "q", true, "http://web.shop:80/%61?q"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_request(with_first_line("GET " + c.target + " HTTP/1.1"));
    ASSERT_EQ(verdict(*parsed), 0) << c.target << ": " << parsed->refusal.detail;
    EXPECT_EQ(parsed->head.path, c.path) << c.target;
    EXPECT_EQ(parsed->head.query, c.query) << c.target;
    EXPECT_EQ(parsed->head.has_query, c.has_query) << c.target;
    EXPECT_EQ(parsed->head.target, c.sent);
  }
}

TEST(Request, AbsoluteTargetNamesTheAuthority) {
  const auto parsed = parse_request("GET http://real.shop:81/x HTTP/1.1\r\nHost: claimed.shop\r\n\r\n");
  ASSERT_EQ(verdict(*parsed), 0);
  EXPECT_EQ(parsed->head.authority, "real.shop:81");
  EXPECT_TRUE(parsed->head.target_names_authority);
  EXPECT_FALSE(parse_request(with_first_line("GET / HTTP/1.1"))->head.target_names_authority);
}

TEST(Request, ConnectAndOptionsHaveFormsOfTheirOwn) {
  const auto connect = parse_request("CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n");
  ASSERT_EQ(verdict(*connect), 0);
  EXPECT_EQ(connect->head.authority, "other.example:443");
  EXPECT_EQ(connect->head.path, "");
  const auto options = parse_request(with_first_line("OPTIONS * HTTP/1.1"));
  ASSERT_EQ(verdict(*options), 0);
  EXPECT_EQ(options->head.path, "*");
  EXPECT_EQ(parse_request(with_first_line("OPTIONS http://web.shop HTTP/1.1"))->head.path, "*");
  EXPECT_EQ(verdict(*parse_request(with_first_line("CONNECT /x HTTP/1.1"))), 400);
}

TEST(Request, PathsThatTwoReadersMayDecodeDifferentlyAreRefused) {
  expect_verdicts({{"escaped NUL", with_first_line("GET /a%00b HTTP/1.1"), 400},
                   {"escape made of an escape", with_first_line("GET /x/%%32e%%32e/admin HTTP/1.1"), 400},
                   {"malformed escape alone", with_first_line("GET /100%/a%zz HTTP/1.1"), 0}});
}

TEST(Request, ConnectionDecidesAboutKeepAliveAndUpgrade) {
  EXPECT_TRUE(parse_request(with_line("X: close"))->head.keep_alive);
  EXPECT_TRUE(parse_request(with_line("Connection: keep-alive"))->head.keep_alive);
  EXPECT_FALSE(parse_request(with_line("Connection: CLOSE"))->head.keep_alive);
  EXPECT_FALSE(parse_request(with_line("Connection: keep-alive\r\nConnection: , X , close"))->head.keep_alive);
  EXPECT_TRUE(parse_request(with_line("Connection: Upgrade\r\nUpgrade: websocket"))->head.has_upgrade);
  EXPECT_FALSE(parse_request(with_line("Upgrade: websocket"))->head.has_upgrade);
  EXPECT_FALSE(parse_request(with_line("Connection: upgrade"))->head.has_upgrade);
}

TEST(Request, ConnectionMayNotNameWhatTellsWhoAsks) {
  std::string many = "Connection: a0";
  for (int i = 1; i <= 16; ++i) {
    many += ", a" + std::to_string(i);
  }
  expect_verdicts({
      {"Host", with_line("Connection: close, host"), 400},
      {"X-Forwarded-For", with_line("Connection: X-Forwarded-For"), 400},
      {"pseudo-header", with_line("Connection: :path"), 400},
      {"seventeen options", with_line(many), 400},
      {"an ordinary field", with_line("Connection: X-Hop\r\nX-Hop: 1"), 0},
  });
}

TEST(Request, ExpectContinueIsRecognised) {
  EXPECT_TRUE(parse_request(with_line("Expect: 100-Continue"))->head.expects_continue);
  EXPECT_FALSE(parse_request(with_line("Expect: something"))->head.expects_continue);
}

TEST(Request, ReusedHeadForgetsTheFormerRequest) {
  RequestParser parser;
  RequestHead head;
  size_t consumed = 0;
  Refusal refusal;
  const std::string first =
      "PUT http://x/%61?q HTTP/1.1\r\nHost: h\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n"
      "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  ASSERT_EQ(parser.parse(first, head, consumed, refusal), Progress::kDone);
  ASSERT_EQ(parser.parse("GET / HTTP/1.1\r\nHost: i\r\n\r\n", head, consumed, refusal), Progress::kDone);
  EXPECT_EQ(head.path, "/");
  EXPECT_EQ(head.authority, "i");
  EXPECT_FALSE(head.has_query || head.has_upgrade || head.expects_continue || head.path_was_normalised ||
               head.target_names_authority);
  EXPECT_TRUE(head.query.empty());
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.body, BodyFraming{});
  EXPECT_EQ(head.fields.size(), 1U);
  EXPECT_FALSE(head.fields.get("upgrade"));
}

TEST(Request, QueryParametersAreComparedUndecodedAndTheFirstCounts) {
  const auto parsed = parse_request(with_first_line("GET /?a=1&b&a=2&c=x=y&%61=3&=e& HTTP/1.1"));
  ASSERT_EQ(verdict(*parsed), 0);
  EXPECT_EQ(parsed->head.query_param("a"), "1");
  EXPECT_EQ(parsed->head.query_param("b"), "");
  EXPECT_EQ(parsed->head.query_param("c"), "x=y");
  EXPECT_EQ(parsed->head.query_param("%61"), "3");
  EXPECT_EQ(parsed->head.query_param("A"), std::nullopt);
  EXPECT_EQ(parse_request(with_first_line("GET / HTTP/1.1"))->head.query_param(""), std::nullopt);
}

}  // namespace
}  // namespace fairlead::http
