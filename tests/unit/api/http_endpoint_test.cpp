#include "agent/api/http_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace fairlead::api {
namespace {

using agent::Loop;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ListenAddress, IsAnAddressAPortOrBoth) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:15000")->text(), "127.0.0.1:15000");
  EXPECT_EQ(parse_listen_address("[::1]:15000")->text(), "[::1]:15000");
  EXPECT_EQ(parse_listen_address(":15020")->text(), ":15020");
  EXPECT_EQ(parse_listen_address("15020")->text(), ":15020");
  EXPECT_EQ(parse_listen_address("0.0.0.0:15020")->text(), ":15020");
  for (const char* text :
       {"", ":", "localhost:80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "::1:80", "1.2.3.4:8x", "[1.2.3.4:80"}) {
    EXPECT_FALSE(parse_listen_address(text)) << text;
  }
}

class HttpEndpointTest : public testing::Test {
 protected:
  HttpEndpointTest() : loop_(std::move(*Loop::create())) {}

  std::unique_ptr<HttpEndpoint> open(uint16_t port) {
    auto opened = HttpEndpoint::open(*loop_, {{*IpAddress::parse("127.0.0.1"), port}}, [](std::string_view path) {
      return path == "/hello" ? HttpAnswer{.body = "world\n"} : HttpAnswer{.status = 404, .body = "no\n"};
    });
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }

  std::string exchange(const HttpEndpoint& endpoint, const std::string& request) {
    const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const socklen_t size = endpoint.address().address.to(storage, AF_INET);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
    send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string answer;
    while (true) {
      loop_->run_once(milliseconds(5));
      std::array<char, 4096> buffer;
      const ssize_t count = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) {
        answer.append(buffer.data(), static_cast<size_t>(count));
      } else if (count == 0 || errno != EAGAIN) {
        return answer;
      }
    }
  }

  std::unique_ptr<Loop> loop_;
};

TEST_F(HttpEndpointTest, AnswersWhatItsHandlerSays) {
  const auto endpoint = open(0);
  const std::string answer = exchange(*endpoint, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("world"));
  EXPECT_THAT(exchange(*endpoint, "GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpEndpointTest, IsReadOnly) {
  const auto endpoint = open(0);
  EXPECT_THAT(exchange(*endpoint, "DELETE /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 405"));
}

TEST_F(HttpEndpointTest, APortThatIsTakenIsReplacedAndTold) {
  const auto first = open(0);
  const auto second = open(first->address().address.port);
  EXPECT_NE(second->address().address.port, first->address().address.port);
  EXPECT_NE(second->address().address.port, 0);
  EXPECT_THAT(exchange(*second, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace fairlead::api
