#include "agent/broker/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <vector>

namespace fairlead::agent_broker {
namespace {

using agent::Loop;
using std::chrono::milliseconds;

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() : loop_(std::move(*Loop::create())) {
    std::array<int, 2> ends;
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours_ = Fd(ends[0]);
    peer_ = Fd(ends[1]);
  }

  void open(Channel::Limits limits) {
    channel_.emplace(
        *loop_, std::move(ours_),
        Channel::Handlers{.on_message = [this](const broker::Message& message) { received_.push_back(message.number); },
                          .on_broken = [this](const std::string& why) { broken_.push_back(why); }},
        limits);
  }
  void open() { open(Channel::Limits()); }

  // Sends until the socket takes no more: at least one message is queued then.
  uint64_t fill() {
    uint64_t sent = 0;
    while (channel_->queued() == 0) {
      channel_->send(numbered(sent++));
    }
    return sent;
  }

  static broker::Message numbered(uint64_t number) {
    broker::Message message{.type = broker::Type::kListenerGone};
    message.number = number;
    return message;
  }

  void run() { loop_->run_once(milliseconds(0)); }

  std::unique_ptr<Loop> loop_;
  Fd ours_, peer_;
  std::optional<Channel> channel_;
  std::vector<uint64_t> received_;
  std::vector<std::string> broken_;
};

TEST_F(ChannelTest, NothingIsLostOrReorderedWhenThePeerReadsLate) {
  open();
  uint64_t sent = fill();
  for (int i = 0; i < 100; ++i) {
    channel_->send(numbered(sent++));
  }
  for (uint64_t expected = 0; expected < sent;) {
    run();
    for (auto got = broker::receive(peer_.get()); got && got->has_value(); got = broker::receive(peer_.get())) {
      ASSERT_EQ((*got)->message.number, expected++);
    }
  }
  EXPECT_EQ(channel_->queued(), 0U);
  EXPECT_TRUE(broken_.empty());
}

TEST_F(ChannelTest, APeerThatTakesNothingIsGivenUp) {
  open({.stall = milliseconds(30)});
  fill();
  while (broken_.empty()) {
    loop_->run_once(milliseconds(100));
  }
  EXPECT_EQ(broken_.size(), 1U);
}

TEST_F(ChannelTest, AQueueThatGrowsBeyondItsLimitIsGivenUp) {
  open({.queue = 10});
  fill();
  for (int i = 0; i < 20; ++i) {
    channel_->send(numbered(0));
  }
  EXPECT_TRUE(broken_.empty()) << "reported from the loop, not to whoever is sending";
  run();
  EXPECT_EQ(broken_.size(), 1U);
}

TEST_F(ChannelTest, APeerThatGoesIsReportedOnce) {
  open();
  peer_.reset();
  run();
  run();
  EXPECT_EQ(broken_.size(), 1U);
}

TEST_F(ChannelTest, WhatIsNoMessageEndsIt) {
  open();
  ASSERT_EQ(write(peer_.get(), "hello", 5), 5);
  run();
  run();
  EXPECT_EQ(broken_.size(), 1U);
  EXPECT_TRUE(received_.empty());
}

TEST_F(ChannelTest, QueuedDescriptorsOfANamespaceAreTakenBack) {
  open();
  fill();
  const auto fd = std::make_shared<const Fd>(dup(peer_.get()));
  broker::Message listener{.type = broker::Type::kListener};
  listener.number = 7;
  listener.netns = 42;
  listener.family = AF_INET;
  channel_->send(listener, {fd});
  listener.number = 8;
  listener.netns = 43;
  channel_->send(listener, {fd});
  const size_t before = channel_->queued();
  EXPECT_THAT(channel_->withdraw(42), testing::ElementsAre(7));
  EXPECT_EQ(channel_->queued(), before - 1);
  EXPECT_EQ(fd.use_count(), 2) << "the other namespace's is still queued";
}

}  // namespace
}  // namespace fairlead::agent_broker
