#include "agent/compile/protocol.h"

#include <gtest/gtest.h>

namespace fairlead::compile {
namespace {

using config::Protocol;

TEST(ProtocolTest, ComesFromAppProtocolThenFromTheName) {
  struct Case {
    DeclaredPort port;
    std::optional<Protocol> expected;
  };
  const Case cases[] = {
      {{"TCP", "", "http", 80}, Protocol::kHttp},
      {{"", "", "http-web", 80}, Protocol::kHttp},
      {{"TCP", "", "HTTP-Web", 80}, Protocol::kHttp},
      {{"TCP", "", "http_proxy", 80}, Protocol::kHttp},
      {{"TCP", "", "http2", 80}, Protocol::kHttp2},
      {{"TCP", "", "http2-x", 80}, Protocol::kHttp2},
      {{"TCP", "", "grpc", 80}, Protocol::kHttp2},
      {{"TCP", "", "grpc-web-x", 80}, Protocol::kHttp2},
      {{"TCP", "", "https", 443}, Protocol::kTcp},
      {{"TCP", "", "tls-x", 443}, Protocol::kTcp},
      {{"TCP", "", "tcp", 1}, Protocol::kTcp},
      {{"TCP", "", "mongo-x", 1}, Protocol::kTcp},
      {{"TCP", "", "redis", 1}, Protocol::kTcp},
      {{"TCP", "", "mysql", 1}, Protocol::kTcp},
      {{"TCP", "", "httpx", 80}, Protocol::kUndeclared},
      {{"TCP", "", "", 80}, Protocol::kUndeclared},
      {{"TCP", "", "web", 3306}, Protocol::kTcp},
      {{"TCP", "", "", 27017}, Protocol::kTcp},
      {{"TCP", "", "http", 3306}, Protocol::kHttp},
      {{"TCP", "tcp", "http", 80}, Protocol::kTcp},
      {{"TCP", "kubernetes.io/h2c", "http", 80}, Protocol::kHttp2},
      {{"TCP", "kubernetes.io/ws", "", 80}, Protocol::kHttp},
      {{"TCP", "kubernetes.io/wss", "http", 80}, Protocol::kTcp},
      {{"TCP", "example.com/own", "http", 80}, Protocol::kUndeclared},
      {{"TCP", "", "kubernetes.io/ws", 80}, Protocol::kUndeclared},
      {{"UDP", "", "http", 80}, std::nullopt},
      {{"SCTP", "", "", 80}, std::nullopt},
      {{"TCP", "", "udp-dns", 53}, std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(declared_protocol(c.port), c.expected) << c.port.app_protocol << " " << c.port.name << " " << c.port.port;
  }
}

TEST(ProtocolTest, HttpWinsOverWhatOthersSayOfAPort) {
  EXPECT_EQ(stronger(Protocol::kTcp, Protocol::kHttp), Protocol::kHttp);
  EXPECT_EQ(stronger(Protocol::kHttp, Protocol::kHttp2), Protocol::kHttp);
  EXPECT_EQ(stronger(Protocol::kTcp, Protocol::kHttp2), Protocol::kHttp2);
  EXPECT_EQ(stronger(Protocol::kUndeclared, Protocol::kTcp), Protocol::kTcp);
}

}  // namespace
}  // namespace fairlead::compile
