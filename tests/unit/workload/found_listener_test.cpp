#include "agent/workload/found_listener.h"

#include "tests/unit/workload/temporary_netns.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <map>

namespace fairlead::workload {
namespace {

using test::TemporaryNetns;

// Tags as the kernel keeps them: by socket, whichever descriptor leads to it.
class FoundListener : public testing::Test {
 protected:
  FoundListener() : door_(*NetnsDoor::open()), cookie_(*door_.cookie_of(pod_.fd())) {}

  Status tag(int fd, const fl_tag& tag) {
    tags_[*cookie_of_socket(fd)] = tag;
    return {};
  }
  Result<std::optional<fl_tag>> tag_of(int fd) const {
    const auto found = tags_.find(*cookie_of_socket(fd));
    return found == tags_.end() ? std::optional<fl_tag>() : found->second;
  }
  std::optional<Listener> recognize(int fd) const {
    return recognize_listener(Fd(fcntl(fd, F_DUPFD_CLOEXEC, 0)), FL_MODE_SIDECAR,
                              [this](int socket) { return tag_of(socket); });
  }
  // A tagged socket in the pod that listens on this IPv4 address.
  Fd listening_on(in_addr_t address, uint32_t role) {
    return *door_.inside(pod_.fd(), [&]() -> Result<Fd> {
      Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in own{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(address)}, .sin_zero = {}};
      EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
      EXPECT_EQ(listen(fd.get(), 1), 0);
      EXPECT_TRUE(tag(fd.get(), {.netns = cookie_, .role = role, .pad = 0}));
      return fd;
    });
  }

  TemporaryNetns pod_;
  NetnsDoor door_;
  uint64_t cookie_;
  std::map<uint64_t, fl_tag> tags_;
  SocketMaker maker_{door_, [this](int fd, const fl_tag& value) { return tag(fd, value); }};
};

TEST_F(FoundListener, EveryListenerOfAPodIsKnownAgainAsItWas) {
  const auto made = maker_.listeners({pod_.fd(), cookie_}, FL_MODE_SIDECAR);
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_EQ(made->size(), 3U);
  for (const Listener& listener : *made) {
    const auto found = recognize(listener.fd->get());
    ASSERT_TRUE(found) << listener.address.text();
    EXPECT_EQ(found->id, listener.id);
    EXPECT_EQ(found->netns, cookie_);
    EXPECT_EQ(found->role, listener.role);
    EXPECT_EQ(found->family, listener.family);
    EXPECT_EQ(found->mode, FL_MODE_SIDECAR);
    EXPECT_EQ(found->address, listener.address);
  }
}

TEST_F(FoundListener, WithoutATagItIsNotOurs) {
  const auto made = maker_.listeners({pod_.fd(), cookie_}, FL_MODE_SIDECAR);
  tags_.clear();
  EXPECT_FALSE(recognize(made->front().fd->get()));
}

TEST_F(FoundListener, ATagOfAnotherNamespaceDoesNotCount) {
  const Fd fd = listening_on(INADDR_LOOPBACK, FL_TAG_OUTBOUND);
  EXPECT_TRUE(recognize(fd.get()));
  ASSERT_TRUE(tag(fd.get(), {.netns = cookie_ + 1, .role = FL_TAG_OUTBOUND, .pad = 0}));
  EXPECT_FALSE(recognize(fd.get()));
}

TEST_F(FoundListener, AnUpstreamSocketThatWasMadeToListenIsNone) {
  EXPECT_FALSE(recognize(listening_on(INADDR_LOOPBACK, FL_TAG_UPSTREAM).get()));
}

TEST_F(FoundListener, OneThatStrangersCanReachIsNone) {
  EXPECT_FALSE(recognize(listening_on(INADDR_ANY, FL_TAG_INBOUND).get()));
  EXPECT_FALSE(recognize(listening_on(INADDR_LOOPBACK + 1, FL_TAG_INBOUND).get()));
}

TEST_F(FoundListener, WhatDoesNotListenOrIsNoSocketIsNone) {
  const auto upstream = maker_.upstream({pod_.fd(), cookie_}, AF_INET, 1);
  ASSERT_TRUE(upstream);
  EXPECT_FALSE(recognize(upstream->front().get()));
  EXPECT_FALSE(recognize(pod_.fd()));
}

}  // namespace
}  // namespace fairlead::workload
