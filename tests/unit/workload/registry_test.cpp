#include "agent/workload/registry.h"

#include "tests/unit/host/temporary_directory.h"
#include "tests/unit/workload/temporary_netns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

namespace fairlead::workload {
namespace {

using test::MountedNetns;
using test::TemporaryDirectory;
using test::TemporaryNetns;

class RegistryTest : public testing::Test {
 protected:
  WantedPod want(const std::string& uid, const std::string& path, fl_mode mode = FL_MODE_NODE) const {
    return {
        .uid = uid, .netns_path = path, .ips = {*IpAddress::parse("10.0.0.1")}, .mode = mode, .mode_reason = "test"};
  }

  TemporaryDirectory place_;
  NetnsDoor door_{*NetnsDoor::open()};
  SocketMaker sockets_{door_, [](int, const fl_tag&) { return Status(); }};
  Registry registry_{door_, sockets_};
};

TEST_F(RegistryTest, APodIsKnownByItsCookie) {
  const TemporaryNetns netns;
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path())}).empty());
  const uint64_t cookie = *door_.cookie_of(netns.fd());
  ASSERT_NE(registry_.find(cookie), nullptr);
  EXPECT_EQ(registry_.find(cookie)->uid, "shop/a");
  EXPECT_EQ(registry_.find(cookie)->mode, FL_MODE_NODE);
}

TEST_F(RegistryTest, TheHostsOwnNamespaceIsRefused) {
  EXPECT_TRUE(registry_.reconcile({want("shop/a", "/proc/self/ns/net")}).empty());
  EXPECT_TRUE(registry_.pods().empty());
  ASSERT_EQ(registry_.refused().size(), 1U);
  EXPECT_NE(registry_.refused()[0].problem.find("never meshed"), std::string::npos);
  EXPECT_FALSE(registry_.is_stale()) << "looking again changes nothing";
}

TEST_F(RegistryTest, ANamespaceBelongsToOnePod) {
  const TemporaryNetns netns;
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path()), want("shop/b", netns.proc_path())}).empty());
  EXPECT_EQ(registry_.pods().size(), 1U);
  ASSERT_EQ(registry_.refused().size(), 1U);
  EXPECT_EQ(registry_.refused()[0].uid, "shop/b");
  EXPECT_FALSE(registry_.is_stale());
}

TEST_F(RegistryTest, ANamespaceThatComesLaterIsNoticed) {
  const TemporaryNetns netns;
  const std::string path = place_ / "pod";
  EXPECT_TRUE(registry_.reconcile({want("shop/a", path)}).empty());
  EXPECT_EQ(registry_.refused().size(), 1U);
  EXPECT_FALSE(registry_.is_stale());
  const MountedNetns mounted(netns, path);
  EXPECT_TRUE(registry_.is_stale());
  EXPECT_TRUE(registry_.reconcile({want("shop/a", path)}).empty());
  EXPECT_EQ(registry_.pods().size(), 1U);
}

TEST_F(RegistryTest, ANamespaceThatIsRemovedHandsThePodBack) {
  const TemporaryNetns netns;
  MountedNetns mounted(netns, place_ / "pod");
  EXPECT_TRUE(registry_.reconcile({want("shop/a", mounted.path())}).empty());
  mounted.remove();
  EXPECT_TRUE(registry_.is_stale());
  const auto gone = registry_.reconcile({want("shop/a", mounted.path())});
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].uid, "shop/a");
  EXPECT_TRUE(registry_.pods().empty());
}

TEST_F(RegistryTest, ANamespaceThatIsReplacedIsAnotherPodOfTheSameName) {
  const TemporaryNetns before, after;
  MountedNetns first(before, place_ / "pod");
  EXPECT_TRUE(registry_.reconcile({want("shop/a", first.path())}).empty());
  first.remove();
  const MountedNetns second(after, place_ / "pod");
  const auto gone = registry_.reconcile({want("shop/a", second.path())});
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].cookie, *door_.cookie_of(before.fd()));
  ASSERT_EQ(registry_.pods().size(), 1U);
  EXPECT_EQ(registry_.pods().begin()->second.cookie, *door_.cookie_of(after.fd()));
}

TEST_F(RegistryTest, APodThatIsNoLongerWantedIsHandedBackWithItsListeners) {
  const TemporaryNetns netns;
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path())}).empty());
  ASSERT_TRUE(registry_.ensure_listeners(registry_.pods().at("shop/a"), FL_MODE_NODE));
  const auto gone = registry_.reconcile({});
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_TRUE(gone[0].has_listeners(FL_MODE_NODE));
  EXPECT_FALSE(gone[0].has_listeners(FL_MODE_SIDECAR));
}

TEST_F(RegistryTest, AnotherModeIsWantedFirstAndListenersStay) {
  const TemporaryNetns netns;
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path())}).empty());
  LocalPod& pod = registry_.pods().at("shop/a");
  ASSERT_TRUE(registry_.ensure_listeners(pod, FL_MODE_NODE));
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path(), FL_MODE_SIDECAR)}).empty());
  EXPECT_EQ(pod.mode, FL_MODE_NODE);
  EXPECT_EQ(pod.wanted_mode, FL_MODE_SIDECAR);
  EXPECT_TRUE(pod.has_listeners(FL_MODE_NODE));
}

TEST_F(RegistryTest, AskingForListenersTwiceMakesThemOnce) {
  const TemporaryNetns netns;
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path())}).empty());
  LocalPod& pod = registry_.pods().at("shop/a");
  ASSERT_TRUE(registry_.ensure_listeners(pod, FL_MODE_NODE));
  const size_t count = pod.listeners.size();
  ASSERT_TRUE(registry_.ensure_listeners(pod, FL_MODE_NODE));
  EXPECT_EQ(pod.listeners.size(), count);
}

TEST_F(RegistryTest, ListenersThatCannotBeMadeAreThePodsProblemUntilTheyCan) {
  const TemporaryNetns netns;
  bool may_tag = false;
  SocketMaker sockets(door_, [&](int, const fl_tag&) -> Status { return may_tag ? Status() : fail("not now"); });
  Registry registry(door_, sockets);
  EXPECT_TRUE(registry.reconcile({want("shop/a", netns.proc_path())}).empty());
  LocalPod& pod = registry.pods().at("shop/a");
  EXPECT_FALSE(registry.ensure_listeners(pod, FL_MODE_NODE));
  EXPECT_NE(pod.problem.find("not now"), std::string::npos);
  EXPECT_FALSE(pod.has_listeners(FL_MODE_NODE)) << "no half set";
  may_tag = true;
  EXPECT_TRUE(registry.ensure_listeners(pod, FL_MODE_NODE));
  EXPECT_TRUE(pod.problem.empty());
}

TEST_F(RegistryTest, AnIpv6LoopbackThatComesLaterGetsItsListener) {
  const TemporaryNetns netns(/*loopback=*/false);
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path())}).empty());
  LocalPod& pod = registry_.pods().at("shop/a");
  ASSERT_TRUE(registry_.ensure_listeners(pod, FL_MODE_NODE));
  const size_t before = pod.listeners.size();
  ASSERT_TRUE(door_.inside(netns.fd(), []() -> Status {
    test::raise_loopback();
    return {};
  }));
  ASSERT_TRUE(registry_.ensure_listeners(pod, FL_MODE_NODE));
  ASSERT_EQ(pod.listeners.size(), before + 1);
  EXPECT_EQ(pod.listeners.back().address.ip.text(), "::1");
}

TEST_F(RegistryTest, APodGetsTheListenersThatWereMadeForItBefore) {
  const TemporaryNetns netns, other;
  const uint64_t cookie = *door_.cookie_of(netns.fd()), stranger = *door_.cookie_of(other.fd());
  std::vector<Listener> left = *sockets_.listeners({netns.fd(), cookie}, FL_MODE_SIDECAR);
  std::ranges::copy(*sockets_.listeners({other.fd(), stranger}, FL_MODE_NODE), std::back_inserter(left));
  const std::vector<Listener> expected(left.begin(), left.begin() + 3);
  registry_.expect(left);
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path(), FL_MODE_SIDECAR)}).empty());
  LocalPod& pod = registry_.pods().at("shop/a");
  ASSERT_TRUE(registry_.ensure_listeners(pod, FL_MODE_SIDECAR));
  ASSERT_EQ(pod.listeners.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(pod.listeners[i].id, expected[i].id);
    EXPECT_EQ(pod.listeners[i].address, expected[i].address);
  }
  EXPECT_EQ(registry_.drop_unclaimed(), std::set<uint64_t>{stranger});
  EXPECT_TRUE(registry_.drop_unclaimed().empty());
}

TEST_F(RegistryTest, WhatIsMissingAmongListenersFromBeforeIsMade) {
  const TemporaryNetns netns;
  const uint64_t cookie = *door_.cookie_of(netns.fd());
  std::vector<Listener> left = *sockets_.listeners({netns.fd(), cookie}, FL_MODE_SIDECAR);
  left.pop_back();
  left.push_back(left.front());
  registry_.expect(left);
  EXPECT_TRUE(registry_.reconcile({want("shop/a", netns.proc_path(), FL_MODE_SIDECAR)}).empty());
  LocalPod& pod = registry_.pods().at("shop/a");
  EXPECT_EQ(pod.listeners.size(), 2U) << "of two for one place the first";
  ASSERT_TRUE(registry_.ensure_listeners(pod, FL_MODE_SIDECAR));
  ASSERT_EQ(pod.listeners.size(), 3U);
  EXPECT_EQ(pod.listeners.back().role, broker::Role::kInbound);
}

}  // namespace
}  // namespace fairlead::workload
