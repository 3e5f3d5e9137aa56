#include "agent/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <optional>
#include <vector>

namespace fairlead::agent {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

class LoopTest : public testing::Test {
 protected:
  LoopTest() : loop_(std::move(*Loop::create())) {}
  static Fd ready_fd() { return Fd(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); }
  std::unique_ptr<Loop> loop_;
};

TEST_F(LoopTest, TimersFireInTheOrderInWhichTheyAreDue) {
  std::vector<int> fired;
  const auto late = loop_->after(milliseconds(20), [&] {
    fired.push_back(2);
    loop_->stop();
  });
  const auto early = loop_->after(milliseconds(5), [&] { fired.push_back(1); });
  loop_->run();
  EXPECT_THAT(fired, ElementsAre(1, 2));
  EXPECT_FALSE(late.active());
}

TEST_F(LoopTest, ATimerThatIsDestroyedDoesNotFire) {
  bool fired = false;
  {
    const auto timer = loop_->after(milliseconds(0), [&] { fired = true; });
  }
  loop_->run_once(milliseconds(5));
  EXPECT_FALSE(fired);
}

TEST_F(LoopTest, ATimerMaySetItselfAgain) {
  int count = 0;
  Loop::Timer timer;
  std::function<void()> tick = [&] {
    if (++count < 3) {
      timer = loop_->after({}, tick);
    } else {
      loop_->stop();
    }
  };
  timer = loop_->after({}, tick);
  loop_->run();
  EXPECT_EQ(count, 3);
}

TEST_F(LoopTest, AWatchMayEndItselfInItsCallback) {
  const Fd fd = ready_fd();
  int calls = 0;
  Loop::Watch watch;
  watch = loop_->watch(fd.get(), EPOLLIN, [&](uint32_t) {
    ++calls;
    watch.reset();
  });
  loop_->run_once(milliseconds(0));
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, AWatchThatAnotherEndsInTheSameRoundIsNotCalled) {
  const Fd a = ready_fd(), b = ready_fd();
  int calls = 0;
  Loop::Watch first, second;
  first = loop_->watch(a.get(), EPOLLIN, [&](uint32_t) {
    ++calls;
    second.reset();
  });
  second = loop_->watch(b.get(), EPOLLIN, [&](uint32_t) {
    ++calls;
    first.reset();
  });
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, AMovedWatchStillWatches) {
  const Fd fd = ready_fd();
  int calls = 0;
  Loop::Watch watch = loop_->watch(fd.get(), EPOLLIN, [&](uint32_t) { ++calls; });
  const Loop::Watch moved = std::move(watch);
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, WritingIsWaitedForWhereAsked) {
  const Fd fd = ready_fd();
  uint32_t seen = 0;
  Loop::Watch watch = loop_->watch(fd.get(), EPOLLIN, [&](uint32_t events) { seen = events; });
  watch.set_events(EPOLLOUT);
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(seen, static_cast<uint32_t>(EPOLLOUT));
}

TEST(SignalFd, ASignalIsReadAndNotDelivered) {
  const auto fd = signal_fd({SIGUSR1});
  ASSERT_TRUE(fd);
  raise(SIGUSR1);
  signalfd_siginfo info;
  ASSERT_EQ(read(fd->get(), &info, sizeof info), static_cast<ssize_t>(sizeof info));
  EXPECT_EQ(info.ssi_signo, static_cast<uint32_t>(SIGUSR1));
}

}  // namespace
}  // namespace fairlead::agent
