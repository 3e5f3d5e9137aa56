// Looks at real child processes; the cgroup is a directory with a list of them.
#include "agent/broker/survivors.h"

#include "agent/broker/process.h"
#include "agent/loop.h"
#include "tests/unit/host/temporary_directory.h"
#include "tests/unit/workload/temporary_netns.h"
#include "userspace-proxy/base/log.h"
#include "userspace-proxy/telemetry/arena.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <fstream>
#include <map>

namespace fairlead::agent_broker {
namespace {

using agent::Loop;
using std::chrono::milliseconds;

class SurvivorsTest : public testing::Test {
 protected:
  SurvivorsTest() { log::start("test", "off"); }
  ~SurvivorsTest() override {
    for (const auto& process : processes_) {
      process->signal(SIGKILL);
    }
    while (ended_ < processes_.size()) {
      loop_->run_once(milliseconds(20));
    }
  }

  // A process that only lives, with these descriptors.
  pid_t start(const std::vector<int>& fds, int netns = -1, uid_t uid = 15006) {
    auto process = Process::start(*loop_,
                                  {.executable = FAKE_PROXY,
                                   .arguments = {"--name", "mute"},
                                   .fds = fds,
                                   .netns_fd = netns,
                                   .uid = uid,
                                   .gid = 15006},
                                  [this](int) { ++ended_; });
    EXPECT_TRUE(process) << process.error().message();
    processes_.push_back(std::move(*process));
    return processes_.back()->pid();
  }

  std::vector<Survivor> find(const std::vector<pid_t>& members, const std::string& executable = FAKE_PROXY) {
    std::ofstream list(cgroup_ / "cgroup.procs");
    for (const pid_t pid : members) {
      list << pid << "\n";
    }
    list.close();
    const host::Cgroup cgroup(cgroup_.path());
    return find_survivors({.cgroup = cgroup,
                           .door = door_,
                           .tag_of = [this](int fd) -> Result<std::optional<fl_tag>> {
                             const auto found = tags_.find(*workload::cookie_of_socket(fd));
                             return found == tags_.end() ? std::optional<fl_tag>() : found->second;
                           },
                           .executable = executable,
                           .uid = 15006});
  }

  std::vector<workload::Listener> listeners() {
    return *maker_.listeners({pod_.fd(), *door_.cookie_of(pod_.fd())}, FL_MODE_SIDECAR);
  }

  test::TemporaryDirectory cgroup_;
  test::TemporaryNetns pod_;
  workload::NetnsDoor door_{*workload::NetnsDoor::open()};
  std::map<uint64_t, fl_tag> tags_;
  workload::SocketMaker maker_{door_, [this](int fd, const fl_tag& tag) {
                                 tags_[*workload::cookie_of_socket(fd)] = tag;
                                 return Status();
                               }};
  Fd arena_{*telemetry::make_arena({.workers = 2})};
  std::unique_ptr<Loop> loop_{std::move(*Loop::create())};
  std::vector<std::unique_ptr<Process>> processes_;
  size_t ended_ = 0;
};

TEST_F(SurvivorsTest, ASidecarIsKnownByTheNamespaceThatItLivesIn) {
  const auto made = listeners();
  // Two workers: each listener twice.
  const pid_t pid =
      start({arena_.get(), made[0].fd->get(), made[1].fd->get(), made[2].fd->get(), made[0].fd->get()}, pod_.fd());
  const auto found = find({pid});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pid, pid);
  EXPECT_EQ(found[0].netns, *door_.cookie_of(pod_.fd()));
  EXPECT_TRUE(found[0].is_current);
  EXPECT_EQ(found[0].workers, 2U);
  ASSERT_EQ(found[0].listeners.size(), 3U);
  EXPECT_EQ(found[0].listeners[0].id, made[0].id);
  EXPECT_EQ(found[0].listeners[0].mode, FL_MODE_SIDECAR);
}

TEST_F(SurvivorsTest, OneInTheAgentsOwnNamespaceIsANodeProxy) {
  const auto made = listeners();
  const auto found = find({start({arena_.get(), made[0].fd->get()})});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].netns, 0U);
  EXPECT_EQ(found[0].listeners[0].mode, FL_MODE_NODE);
}

TEST_F(SurvivorsTest, ASidecarCannotBringTheListenerOfAnotherPod) {
  const auto made = listeners();
  const test::TemporaryNetns other;
  const auto found = find({start({arena_.get(), made[0].fd->get()}, other.fd())});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].listeners.empty());
}

TEST_F(SurvivorsTest, WhoIsNotInTheCgroupIsNobody) {
  start({arena_.get()});
  EXPECT_TRUE(find({getpid()}).empty());
}

TEST_F(SurvivorsTest, WhoHoldsNothingOfOursIsNoProxy) { EXPECT_TRUE(find({start({})}).empty()); }

TEST_F(SurvivorsTest, AnotherProgramAnotherUserOrNoTelemetryIsReplaced) {
  const auto made = listeners();
  const pid_t usual = start({arena_.get()}), root = start({arena_.get()}, -1, 0), blind = start({made[0].fd->get()});
  const auto of_another_program = find({usual}, "/bin/true");
  ASSERT_EQ(of_another_program.size(), 1U);
  EXPECT_FALSE(of_another_program[0].is_current);
  const auto found = find({root, blind});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FALSE(found[0].is_current);
  EXPECT_FALSE(found[1].is_current);
}

TEST_F(SurvivorsTest, AnArenaOfAnotherSizeIsNoneOfOurs) {
  const Fd huge = *telemetry::make_arena({.workers = 1, .series_bytes = 256U << 20, .record_bytes = 512U << 10});
  EXPECT_TRUE(find({start({huge.get()})}).empty());
}

TEST_F(SurvivorsTest, TheNewestComesFirst) {
  const pid_t first = start({arena_.get()});
  usleep(30'000);  // the kernel tells start times in hundredths of a second
  const pid_t second = start({arena_.get()});
  const auto found = find({first, second});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].pid, second);
}

TEST_F(SurvivorsTest, OneThatHasEndedIsNone) {
  const pid_t pid = start({arena_.get()});
  processes_.back()->signal(SIGKILL);
  while (processes_.back()->lives()) {
    usleep(1000);
  }
  EXPECT_TRUE(find({pid}).empty());
}

}  // namespace
}  // namespace fairlead::agent_broker
