#include "agent/bench/own_pods.h"

#include <gtest/gtest.h>

#include <tuple>

namespace fairlead::bench {
namespace {

TEST(ParseUrl, TakesHostPortAndPathApart) {
  for (const auto& [text, host, port, path, authority] : {
           std::tuple("http://web", "web", 80, "/", "web"),
           {"http://web/", "web", 80, "/", "web"},
           {"http://web.shop:8080/a/b?c=d:e", "web.shop", 8080, "/a/b?c=d:e", "web.shop:8080"},
           {"http://10.0.0.1?x", "10.0.0.1", 80, "/?x", "10.0.0.1"},
           {"http://web/a#part", "web", 80, "/a", "web"},
           {"http://[fd00::1]", "fd00::1", 80, "/", "[fd00::1]"},
           {"http://[fd00::1]:81/a", "fd00::1", 81, "/a", "[fd00::1]:81"},
       }) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text << ": " << url.error().message();
    EXPECT_EQ(url->host, host) << text;
    EXPECT_EQ(url->port, port) << text;
    EXPECT_EQ(url->path, path) << text;
    EXPECT_EQ(url->authority, authority) << text;
  }
}

TEST(ParseUrl, SaysWhatIsWrongWithAnother) {
  for (const auto& [text, reason] : {std::pair("https://web", "https is not measured"),
                                     {"web", "no http URL"},
                                     {"", "no http URL"},
                                     {"http://", "no http URL"},
                                     {"http://:80", "no http URL"},
                                     {"http://web:", "\"\" is no port"},
                                     {"http://web:0", "\"0\" is no port"},
                                     {"http://web:70000", "\"70000\" is no port"},
                                     {"http://user@web", "no http URL"},
                                     {"http://web/a b", "no http URL"},
                                     {"http://web/\r\nX: y", "no http URL"}}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_NE(url.error().message().find(reason), std::string::npos) << url.error().message();
  }
}

}  // namespace
}  // namespace fairlead::bench
