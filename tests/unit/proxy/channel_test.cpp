#include "userspace-proxy/proxy/channel.h"

#include "tests/unit/host/temporary_directory.h"
#include "userspace-proxy/base/log.h"
#include "userspace-proxy/broker/reconnect.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace fairlead::proxy {
namespace {

struct RecordingHandler final : ChannelHandler {
  [[nodiscard]] broker::Message greeting() const override { return {.type = broker::Type::kHello, .number = 77}; }
  void message(broker::Received received) override { messages.push_back(received.message); }
  void agent_is_back() override { ++back; }
  std::vector<broker::Message> messages;
  int back = 0;
};

// A listening socket where the next agent is looked for.
class NextAgent {
 public:
  explicit NextAgent(const std::string& path) : listener_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, path.size());
    unlink(path.c_str());
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
  }
  Fd accepted() { return Fd(accept(listener_.get(), nullptr, nullptr)); }

 private:
  Fd listener_;
};

class ChannelTest : public testing::Test {
 protected:
  void SetUp() override {
    log::start("test", "off");
    loop_ = std::move(*io::Loop::create());
    std::array<int, 2> ends;
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    agent_ = Fd(ends[0]);
    channel_ = std::make_unique<Channel>(*loop_, Fd(ends[1]), handler_, path_);
    ASSERT_TRUE(channel_->start());
    EXPECT_EQ((*broker::receive(agent_.get()))->message.number, 77U);
  }

  Fd wait_for(NextAgent& next) {
    Fd there = next.accepted();
    while (!there) {
      loop_->turn();
      there = next.accepted();
    }
    return there;
  }

  test::TemporaryDirectory place_;
  std::string path_ = place_ / broker::kAgentSocket;
  std::unique_ptr<io::Loop> loop_;
  RecordingHandler handler_;
  Fd agent_;
  std::unique_ptr<Channel> channel_;
};

TEST_F(ChannelTest, when_the_agent_is_gone_the_next_one_is_found_and_greeted) {
  agent_.reset();
  loop_->turn();
  EXPECT_FALSE(channel_->open());
  channel_->send({.type = broker::Type::kSocketsWanted});  // lost: nobody is there
  NextAgent next(path_);
  const Fd there = wait_for(next);
  EXPECT_TRUE(channel_->open());
  EXPECT_EQ(handler_.back, 1);
  const auto greeting = broker::receive(there.get());
  ASSERT_TRUE(greeting && *greeting);
  EXPECT_EQ((*greeting)->message.number, 77U);
  ASSERT_TRUE(broker::send(there.get(), {.type = broker::Type::kDrain}));
  loop_->turn();
  ASSERT_EQ(handler_.messages.size(), 1U);
}

TEST_F(ChannelTest, an_agent_that_comes_late_is_found_too) {
  agent_.reset();
  for (int i = 0; i < 4; ++i) {
    loop_->turn();  // looks in vain
  }
  NextAgent next(path_);
  EXPECT_TRUE(wait_for(next));
}

TEST_F(ChannelTest, one_that_sends_it_away_is_asked_more_and_more_seldom) {
  NextAgent next(path_);
  agent_.reset();
  std::vector<uint64_t> at;
  for (int i = 0; i < 4; ++i) {
    wait_for(next).reset();
    at.push_back(loop_->now_ns());
  }
  EXPECT_GT(at[3] - at[2], 300'000'000U);
}

}  // namespace
}  // namespace fairlead::proxy
