#include "userspace-proxy/http/local_reply.h"

#include <gtest/gtest.h>

#include <array>

namespace fairlead::http {
namespace {

std::string written(const LocalReply& reply) {
  std::string out;
  append_local_reply(out, reply);
  return out;
}

TEST(LocalReply, LooksLikeEnvoys) {
  EXPECT_EQ(written({.status = 403, .body = "RBAC: access denied", .unix_seconds = 784111777}),
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 19\r\ncontent-type: text/plain\r\n"
            "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nserver: envoy\r\n\r\nRBAC: access denied");
}

TEST(LocalReply, WithoutABodySaysSo) {
  EXPECT_EQ(
      written({.status = 404}),
      "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nserver: envoy\r\n\r\n");
}

TEST(LocalReply, ClosesWhereTheConnectionDoes) {
  EXPECT_EQ(written({.status = 400, .server = "istio-envoy", .keep_alive = false}),
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            "server: istio-envoy\r\nconnection: close\r\n\r\n");
}

TEST(LocalReply, AnswerToHeadHasTheLengthButNotTheBody) {
  EXPECT_EQ(written({.status = 403, .body = "denied", .head_only = true}),
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\ncontent-type: text/plain\r\n"
            "date: Thu, 01 Jan 1970 00:00:00 GMT\r\nserver: envoy\r\n\r\n");
}

TEST(LocalReply, StatusesWithoutContentHaveNone) {
  for (const uint16_t status : {uint16_t{100}, uint16_t{204}, uint16_t{304}}) {
    const std::string out = written({.status = status, .body = "ignored"});
    EXPECT_EQ(out.find("content-length"), std::string::npos) << out;
    EXPECT_TRUE(out.ends_with("\r\n\r\n")) << out;
  }
}

TEST(LocalReply, FurtherFieldsAreAddedAndMayNameTheContentType) {
  const std::array fields = {Field{"location", "/x"}, Field{"Content-Type", "application/json"}};
  const std::string out = written({.status = 301, .body = "{}", .fields = fields});
  EXPECT_NE(out.find("\r\nlocation: /x\r\n"), std::string::npos);
  EXPECT_EQ(out.find("text/plain"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::http
