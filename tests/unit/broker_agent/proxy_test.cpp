// Supervision of real child processes that keep the protocol (fake_proxy.cpp).
#include "agent/broker/proxy.h"

#include "userspace-proxy/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

namespace fairlead::agent_broker {
namespace {

using agent::Loop;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kPod = 42;

class ProxyTest : public testing::Test {
 protected:
  ProxyTest() : loop_(std::move(*Loop::create())) {
    log::start("test", "off");
    settings_.executable = FAKE_PROXY;
  }

  ~ProxyTest() override {
    if (proxy_ && proxy_->pid() != 0) {
      proxy_->end(milliseconds(0));
      until([&] { return proxy_->pid() == 0; });
    }
  }

  void start(const std::string& behaviour) {
    proxy_ = std::make_unique<Proxy>(
        *loop_, arenas_, settings_, Proxy::Subject{.name = behaviour, .netns = 0, .netns_fd = Fd()},
        Proxy::Owner{.progress = [] {},
                     .sockets = [this](uint64_t netns, int, uint32_t count) { return sockets(netns, count); }});
    proxy_->start();
  }

  Result<std::vector<Fd>> sockets(uint64_t netns, uint32_t count) {
    asked_.push_back({netns, count});
    if (netns != kPod) {
      return fail("not that one");
    }
    std::vector<Fd> made;
    for (uint32_t i = 0; i < count; ++i) {
      made.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    }
    return made;
  }

  // Runs the loop until it holds; ctest's own limit ends a test that hangs.
  void until(const std::function<bool()>& holds) {
    while (!holds()) {
      loop_->run_once(milliseconds(20));
    }
  }

  void publish(uint64_t generation) { proxy_->publish(*make_snapshot_file(generation, "bytes")); }

  workload::Listener listener(uint64_t id) {
    return {.id = id,
            .netns = kPod,
            .family = AF_INET,
            .address = {},
            .fd = std::make_shared<const Fd>(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  }

  std::unique_ptr<Loop> loop_;
  Arenas arenas_;
  ProxySettings settings_;
  std::unique_ptr<Proxy> proxy_;
  std::vector<std::pair<uint64_t, uint32_t>> asked_;
};

TEST_F(ProxyTest, ASnapshotIsAppliedOnceItsWorkerSaysSo) {
  start("good");
  publish(1);
  EXPECT_FALSE(proxy_->has_applied(1));
  until([&] { return proxy_->has_applied(1); });
  EXPECT_FALSE(proxy_->has_applied(2));
  EXPECT_EQ(proxy_->generation(), 1U);
}

TEST_F(ProxyTest, AWorkerThatHasNotAppliedAnythingYetHoldsNobodyUp) {
  start("good");
  publish(3);
  EXPECT_FALSE(proxy_->judges_by_older_than(3));
  until([&] { return proxy_->has_applied(3); });
  publish(4);
  EXPECT_TRUE(proxy_->judges_by_older_than(4));
  until([&] { return proxy_->has_applied(4); });
  EXPECT_FALSE(proxy_->judges_by_older_than(4));
}

TEST_F(ProxyTest, AnAcknowledgementOfWhatWasNotSentCountsForNothing) {
  start("liar");
  publish(1);
  for (int i = 0; i < 20; ++i) {
    loop_->run_once(milliseconds(20));
  }
  EXPECT_FALSE(proxy_->has_applied(1));
}

TEST_F(ProxyTest, AProxyThatDiesIsStartedAgainAndGetsEverythingAgain) {
  start("good");
  publish(5);
  proxy_->give(listener(1));
  until([&] { return proxy_->has_applied(5); });
  const pid_t first = proxy_->pid();
  kill(first, SIGKILL);
  until([&] { return proxy_->counts().restarts == 1 && proxy_->has_applied(5); });
  EXPECT_NE(proxy_->pid(), first);
  EXPECT_EQ(proxy_->state(), ProxyState::kRunning);
}

TEST_F(ProxyTest, ListenersOfAPodThatIsGoneAreClosedWhenTheWorkerSaysSo) {
  start("good");
  publish(1);
  proxy_->give(listener(1));
  proxy_->give(listener(2));
  until([&] { return proxy_->has_applied(1); });
  proxy_->forget_netns(kPod);
  EXPECT_TRUE(proxy_->is_closing_listeners());
  until([&] { return !proxy_->is_closing_listeners(); });
}

TEST_F(ProxyTest, AWorkerThatNeverGreetsIsReplaced) {
  settings_.answer_within = milliseconds(100);
  start("mute");
  const pid_t first = proxy_->pid();
  until([&] { return proxy_->counts().restarts == 1 && proxy_->pid() != 0; });
  EXPECT_NE(proxy_->pid(), first);
}

TEST_F(ProxyTest, AWorkerThatDoesNotApplyASnapshotIsReplaced) {
  settings_.answer_within = milliseconds(500);
  start("deaf");
  publish(1);
  until([&] { return proxy_->counts().restarts == 1; });
  EXPECT_FALSE(proxy_->has_applied(1));
}

TEST_F(ProxyTest, WhereTheAgentStoodStillTooAWorkerWasNotSilent) {
  settings_.answer_within = milliseconds(1000);
  start("good");
  publish(1);
  until([&] { return proxy_->has_applied(1); });
  const pid_t pid = proxy_->pid();
  kill(pid, SIGSTOP);
  publish(2);
  std::this_thread::sleep_for(seconds(2));
  loop_->run_once(milliseconds(0));
  kill(pid, SIGCONT);
  until([&] { return proxy_->has_applied(2) || proxy_->counts().restarts != 0; });
  EXPECT_EQ(proxy_->pid(), pid);
  EXPECT_EQ(proxy_->counts().restarts, 0U);
}

TEST_F(ProxyTest, ASnapshotThatAWorkerCannotBuildIsTold) {
  start("refuses");
  publish(1);
  until([&] { return proxy_->refuses(1); });
  EXPECT_FALSE(proxy_->has_applied(1));
  EXPECT_EQ(proxy_->state(), ProxyState::kRunning) << "it goes on with what it has";
}

TEST_F(ProxyTest, AProxyThatDrainsEndsAndIsNotStartedAgain) {
  start("good");
  publish(1);
  until([&] { return proxy_->has_applied(1); });
  proxy_->drain();
  EXPECT_EQ(proxy_->state(), ProxyState::kDraining);
  until([&] { return proxy_->state() == ProxyState::kStopped; });
  EXPECT_EQ(proxy_->counts().restarts, 0U);
}

TEST_F(ProxyTest, ADrainingProxyThatIsWantedAgainIsThereAgain) {
  start("good");
  publish(1);
  until([&] { return proxy_->has_applied(1); });
  proxy_->drain();
  proxy_->start();
  EXPECT_EQ(proxy_->state(), ProxyState::kRunning);
  until([&] { return proxy_->counts().restarts == 1 && proxy_->has_applied(1); });  // this one was ending already
}

TEST_F(ProxyTest, SocketsAreGivenUpTo32AtATime) {
  start("asks");
  publish(kPod);
  until([&] { return !asked_.empty(); });
  EXPECT_EQ(asked_.front(), std::pair(kPod, 32U));
}

TEST_F(ProxyTest, SocketsOfANamespaceThatIsNotItsBusinessAreRefused) {
  start("asks");
  publish(kPod + 1);
  until([&] { return !asked_.empty(); });
  for (int i = 0; i < 5; ++i) {
    loop_->run_once(milliseconds(20));
  }
  EXPECT_EQ(proxy_->state(), ProxyState::kRunning);
}

TEST_F(ProxyTest, AProgramThatIsAbsentIsTriedAgain) {
  settings_.executable = "/absent/fairlead-proxy";
  start("good");
  EXPECT_EQ(proxy_->state(), ProxyState::kBackingOff);
  settings_.executable = FAKE_PROXY;
  publish(1);
  until([&] { return proxy_->has_applied(1); });
}

TEST_F(ProxyTest, ItIsKilledWhenItDoesNotEnd) {
  start("mute");  // pause() with SIGTERM at its default: ends at once; SIGSTOP makes it unable to
  kill(proxy_->pid(), SIGSTOP);
  proxy_->end(milliseconds(50));
  EXPECT_EQ(proxy_->state(), ProxyState::kEnding);
  until([&] { return proxy_->state() == ProxyState::kStopped; });
}

}  // namespace
}  // namespace fairlead::agent_broker
