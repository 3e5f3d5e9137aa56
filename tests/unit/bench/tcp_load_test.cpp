#include "agent/bench/load/tcp.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

namespace fairlead::bench {
namespace {

class TcpLoadTest : public testing::TestWithParam<std::pair<TcpPlan::Kind, uint32_t>> {
 protected:
  // A port that nobody had a moment ago.
  static uint16_t free_port() {
    const Fd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
};

TEST_P(TcpLoadTest, EveryByteArrives) {
  const auto [kind, bytes] = GetParam();
  const Interrupt interrupt;
  const uint16_t port = free_port();
  const auto server = start_tcp_server(port, {});
  ASSERT_TRUE(server);
  for (int attempt = 0;; ++attempt) {
    auto load = start_tcp({kind, {"127.0.0.1", port}, bytes, std::chrono::milliseconds(50)}, {});
    ASSERT_TRUE(load);
    const auto ended = load->wait(interrupt);
    if (!ended && attempt < 200) {
      usleep(20'000);  // the server is not there yet
      continue;
    }
    ASSERT_TRUE(ended) << ended.error().message();
    EXPECT_GT(load->counts().answered, 0U);
    EXPECT_EQ(load->counts().answered, load->counts().latency.count());
    EXPECT_GE(load->counts().elapsed_ns, 50'000'000U);
    break;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, TcpLoadTest,
                         testing::Values(std::pair(TcpPlan::Kind::kRoundTrip, 64U),
                                         std::pair(TcpPlan::Kind::kRoundTrip, 16'384U),
                                         std::pair(TcpPlan::Kind::kStream, 1024U),
                                         std::pair(TcpPlan::Kind::kStream, 131'072U)));

}  // namespace
}  // namespace fairlead::bench
