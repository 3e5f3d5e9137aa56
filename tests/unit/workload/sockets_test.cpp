#include "agent/workload/sockets.h"

#include "tests/unit/workload/temporary_netns.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <map>

namespace fairlead::workload {
namespace {

using test::TemporaryNetns;

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  getsockopt(fd, level, name, &value, &size);
  return value;
}

class Sockets : public testing::Test {
 protected:
  Sockets() : door_(*NetnsDoor::open()), cookie_(*door_.cookie_of(pod_.fd())) {}

  Status record(int fd, const fl_tag& tag) {
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 0) << "tagged before anybody can connect to it";
    EXPECT_EQ(tag.netns, cookie_);
    ++tagged_[tag.role];
    return {};
  }

  TemporaryNetns pod_;
  NetnsDoor door_;
  uint64_t cookie_;
  std::map<uint32_t, int> tagged_;
  SocketMaker maker_{door_, [this](int fd, const fl_tag& tag) { return record(fd, tag); }};
  Place place_{pod_.fd(), cookie_};
};

TEST_F(Sockets, NodeModeListensOnChosenLoopbackPorts) {
  const auto made = maker_.listeners(place_, FL_MODE_NODE);
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_EQ(made->size(), 3U);
  EXPECT_EQ(tagged_[FL_TAG_OUTBOUND], 2);
  EXPECT_EQ(tagged_[FL_TAG_INBOUND], 1);
  for (const Listener& listener : *made) {
    EXPECT_TRUE(listener.address.ip.is_loopback());
    EXPECT_NE(listener.address.port, 0);
    EXPECT_EQ(option(listener.fd->get(), SOL_SOCKET, SO_ACCEPTCONN), 1);
    EXPECT_NE(fcntl(listener.fd->get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(listener.netns, cookie_);
  }
  const Listener& inbound = made->back();
  EXPECT_EQ(inbound.role, broker::Role::kInbound);
  EXPECT_EQ(inbound.family, AF_INET6);
  EXPECT_EQ(option(inbound.fd->get(), IPPROTO_IPV6, IPV6_V6ONLY), 0);
}

// The head and the body of an answer may leave in two sends: the second must not wait for an acknowledgement.
TEST_F(Sockets, WhatAListenerAcceptsHasNoNagle) {
  const auto made = maker_.listeners(place_, FL_MODE_NODE);
  ASSERT_TRUE(made) << made.error().message();
  for (const Listener& listener : *made) {
    const auto accepted = door_.inside(pod_.fd(), [&]() -> Result<Fd> {
      const Fd client(socket(listener.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_storage address{};
      const socklen_t size = listener.address.to(address, listener.family);
      if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
        return fail_sys("connect");
      }
      pollfd readable{.fd = listener.fd->get(), .events = POLLIN, .revents = 0};
      poll(&readable, 1, 10'000);
      return Fd(accept(listener.fd->get(), nullptr, nullptr));
    });
    ASSERT_TRUE(accepted) << accepted.error().message();
    EXPECT_EQ(option(accepted->get(), IPPROTO_TCP, TCP_NODELAY), 1) << listener.address.text();
  }
}

TEST_F(Sockets, SidecarModeListensOnIstiosPorts) {
  const auto made = maker_.listeners(place_, FL_MODE_SIDECAR);
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_EQ(made->size(), 3U);
  EXPECT_EQ((*made)[0].address.text(), "127.0.0.1:15001");
  EXPECT_EQ((*made)[1].address.text(), "[::1]:15001");
  EXPECT_EQ((*made)[2].address.text(), "127.0.0.1:15006");
}

TEST_F(Sockets, APortThatIsTakenInThePodIsReplaced) {
  const auto first = maker_.listeners(place_, FL_MODE_SIDECAR);
  const auto second = maker_.listeners(place_, FL_MODE_SIDECAR);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_NE((*second)[0].address.port, kSidecarOutboundPort);
}

TEST_F(Sockets, APodWithoutIpv6GetsIpv4Listeners) {
  ASSERT_TRUE(door_.inside(pod_.fd(), []() -> Status {
    std::ofstream("/proc/sys/net/ipv6/conf/all/disable_ipv6") << "1";  // thread-local view: it follows setns
    return {};
  }));
  const auto made = maker_.listeners(place_, FL_MODE_NODE);
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_EQ(made->size(), 2U);
  EXPECT_EQ((*made)[0].family, AF_INET);
  EXPECT_EQ((*made)[1].role, broker::Role::kInbound);
}

TEST_F(Sockets, UpstreamSocketsAreTaggedAndReadyToConnect) {
  const auto made = maker_.upstream(place_, AF_INET6, 5);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->size(), 5U);
  EXPECT_EQ(tagged_[FL_TAG_UPSTREAM], 5);
  for (const Fd& fd : *made) {
    EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_NE(fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST_F(Sockets, WhatCannotBeTaggedIsNotGivenAway) {
  SocketMaker refusing(door_, [](int, const fl_tag&) -> Status { return fail("no"); });
  EXPECT_FALSE(refusing.upstream(place_, AF_INET, 1));
  EXPECT_FALSE(refusing.listeners(place_, FL_MODE_NODE));
}

TEST_F(Sockets, ListenersLiveInThePodAndNotHere) {
  const auto made = maker_.listeners(place_, FL_MODE_NODE);
  ASSERT_TRUE(made);
  const SocketAddress address = made->front().address;
  const auto connect_to = [&]() -> Status {
    const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const socklen_t size = address.to(storage, AF_INET);
    return connect(client.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0 ? Status() : fail_sys("connect");
  };
  EXPECT_TRUE(door_.inside(pod_.fd(), connect_to));
}

}  // namespace
}  // namespace fairlead::workload
