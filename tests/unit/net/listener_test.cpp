#include "userspace-proxy/net/listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <vector>

namespace fairlead::net {
namespace {

constexpr size_t kConnections = 40;  // more than are taken in one turn

class ListenerTest : public testing::Test, public AcceptHandler {
 protected:
  ListenerTest() {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd.get(), kConnections), 0);
    EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    for (size_t i = 0; i < kConnections; ++i) {
      clients_.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      EXPECT_EQ(connect(clients_.back().get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    }
    listener_ = std::make_unique<Listener>(*loop_, std::move(fd), *this);
  }

  void accepted(Fd fd, const SocketAddress&) override { accepted_.push_back(std::move(fd)); }

  std::unique_ptr<io::Loop> loop_{std::move(*io::Loop::create())};
  std::vector<Fd> clients_, accepted_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(ListenerTest, ATurnTakesAFewAndTheNextTurnsTheOthers) {
  ASSERT_TRUE(listener_->start());
  loop_->turn();
  EXPECT_GT(accepted_.size(), 0U);
  EXPECT_LT(accepted_.size(), kConnections);
  while (accepted_.size() < kConnections) {
    loop_->turn();
  }
}

TEST_F(ListenerTest, WhatWaitsWhenItIsClosedIsTakenAlong) {
  listener_->take_the_rest();
  EXPECT_EQ(accepted_.size(), kConnections);
  listener_.reset();
  for (size_t i = 0; i < kConnections; ++i) {
    char byte = 'x';
    ASSERT_EQ(send(accepted_[i].get(), &byte, 1, MSG_NOSIGNAL), 1);
    ASSERT_EQ(recv(clients_[i].get(), &byte, 1, 0), 1) << "connection " << i << " was reset";
  }
}

}  // namespace
}  // namespace fairlead::net
