// A second Proxy takes over the process of a first one, as the next agent does: real child processes that keep the
// protocol (fake_proxy.cpp).
#include "agent/broker/broker_socket.h"
#include "agent/broker/proxy.h"
#include "tests/unit/host/temporary_directory.h"
#include "userspace-proxy/base/log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <thread>

namespace fairlead::agent_broker {
namespace {

using agent::Loop;
using std::chrono::milliseconds;

constexpr uint64_t kPod = 42;

class AdoptionTest : public testing::Test {
 protected:
  AdoptionTest() {
    log::start("test", "off");
    settings_.executable = FAKE_PROXY;
    settings_.directory = directory_;
    broker_ = std::move(*BrokerSocket::open(*loop_, directory_, settings_.gid, [this](pid_t pid, Fd socket) {
      return proxy_ && proxy_->lives() && proxy_->pid() == pid && proxy_->attach(std::move(socket));
    }));
  }
  ~AdoptionTest() override {
    if (proxy_ && proxy_->pid() != 0) {
      proxy_->end(milliseconds(0));
      until([&] { return proxy_->pid() == 0; });
    }
  }

  std::unique_ptr<Proxy> make(const std::string& behaviour) {
    return std::make_unique<Proxy>(
        *loop_, arenas_, settings_, Proxy::Subject{.name = behaviour, .netns = 0, .netns_fd = Fd()},
        Proxy::Owner{.progress = [] {},
                     .sockets = [](uint64_t, int, uint32_t) -> Result<std::vector<Fd>> { return fail("none"); }});
  }

  // A process that has applied generation 9 of an agent that is gone then.
  Survivor left_by_another(const std::string& behaviour) {
    auto before = make(behaviour);
    before->start();
    before->publish(*make_snapshot_file(9, "bytes"));
    until([&] { return before->has_applied(9); });
    Survivor survivor;
    survivor.pid = before->pid();
    survivor.pidfd = Fd(static_cast<int>(syscall(SYS_pidfd_open, before->pid(), 0)));
    survivor.workers = 1;
    survivor.is_current = true;
    survivor.arena = std::move(*telemetry::make_arena({.workers = 1}));
    if (is_stopped_) {
      kill(survivor.pid, SIGSTOP);
      until([&] { return state_of(survivor.pid) == 'T'; });
    }
    return survivor;  // from here on it looks for its next agent
  }

  // As /proc tells it.
  static char state_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    file >> number >> name >> state;
    return state.empty() ? '?' : state[0];
  }

  void adopt(const std::string& behaviour, bool is_current = true) {
    Survivor survivor = left_by_another(behaviour);
    survivor.is_current = is_current;
    pid_ = survivor.pid;
    proxy_ = make(behaviour);
    proxy_->adopt(std::move(survivor));
  }

  void until(const std::function<bool()>& holds) {
    while (!holds()) {
      loop_->run_once(milliseconds(20));
    }
  }

  test::TemporaryDirectory place_;
  std::string directory_ = place_ / "broker";
  std::unique_ptr<Loop> loop_{std::move(*Loop::create())};
  Arenas arenas_;
  ProxySettings settings_;
  std::unique_ptr<BrokerSocket> broker_;
  std::unique_ptr<Proxy> proxy_;
  pid_t pid_ = 0;
  bool is_stopped_ = false;  // what the agent before leaves behind does nothing
};

TEST_F(AdoptionTest, AnAdoptedProxyComesToItsNewAgentAndAppliesWhatThatHas) {
  adopt("outlives");
  EXPECT_EQ(proxy_->pid(), pid_);
  EXPECT_EQ(proxy_->state(), ProxyState::kRunning);
  EXPECT_TRUE(proxy_->adopted());
  proxy_->start();
  proxy_->publish(*make_snapshot_file(1, "bytes"));
  until([&] { return proxy_->has_applied(1); });
  EXPECT_EQ(proxy_->pid(), pid_);
  EXPECT_EQ(proxy_->counts().restarts, 0U);
}

TEST_F(AdoptionTest, UntilItHasAppliedTheFirstItJudgesByAnOlderOne) {
  adopt("outlives");
  EXPECT_TRUE(proxy_->judges_by_older_than(1));
  proxy_->publish(*make_snapshot_file(1, "bytes"));
  EXPECT_TRUE(proxy_->judges_by_older_than(1)) << "it has not come yet";
  until([&] { return proxy_->has_applied(1); });
  EXPECT_FALSE(proxy_->judges_by_older_than(1));
}

TEST_F(AdoptionTest, OneThatNeverComesIsKilledAndReplaced) {
  settings_.answer_within = milliseconds(1000);
  is_stopped_ = true;
  adopt("outlives");
  until([&] { return proxy_->counts().restarts != 0 && proxy_->pid() != 0; });
  EXPECT_NE(proxy_->pid(), pid_);
  EXPECT_FALSE(proxy_->adopted()) << "this one is our own child";
}

TEST_F(AdoptionTest, OneThatDiesIsReplaced) {
  adopt("outlives");
  kill(pid_, SIGKILL);
  until([&] { return proxy_->counts().restarts == 1 && proxy_->pid() != 0; });
  EXPECT_NE(proxy_->pid(), pid_);
}

TEST_F(AdoptionTest, OneThatHasASuccessorIsNot) {
  adopt("outlives", /*is_current=*/false);
  EXPECT_TRUE(proxy_->has_successor());
  kill(pid_, SIGKILL);
  until([&] { return proxy_->state() == ProxyState::kStopped; });
  EXPECT_EQ(proxy_->counts().restarts, 0U);
}

TEST_F(AdoptionTest, OneThatHasASuccessorDrainsOverItsChannel) {
  adopt("outlives", /*is_current=*/false);
  until([&] { return proxy_->has_all_workers(); });
  proxy_->drain();
  until([&] { return proxy_->state() == ProxyState::kStopped; });
}

TEST_F(AdoptionTest, OneThatCannotBeSpokenToIsToldBySignalAndHoldsNobodyUp) {
  adopt("outlives", /*is_current=*/false);
  broker_.reset();
  proxy_->publish(*make_snapshot_file(1, "bytes"));
  EXPECT_TRUE(proxy_->judges_by_older_than(1));
  proxy_->drain();
  EXPECT_FALSE(proxy_->judges_by_older_than(1));
  EXPECT_TRUE(proxy_->has_applied(1));
  until([&] { return proxy_->state() == ProxyState::kStopped; });  // SIGUSR1 ends the one that does not know it
}

TEST_F(AdoptionTest, OneThatDrainsGoesOnDrainingUnlessItIsWanted) {
  adopt("outlives draining");
  until([&] { return proxy_->state() == ProxyState::kDraining; });
}

TEST_F(AdoptionTest, OneThatDrainsAndIsWantedRuns) {
  adopt("outlives draining");
  proxy_->start();
  until([&] { return proxy_->has_all_workers(); });
  EXPECT_EQ(proxy_->state(), ProxyState::kRunning);
}

TEST_F(AdoptionTest, APodThatIsGoneIsToldToAWorkerThatComesLater) {
  Survivor survivor = left_by_another("outlives");
  survivor.listeners.push_back({.id = 7,
                                .netns = kPod,
                                .family = AF_INET,
                                .address = {},
                                .fd = std::make_shared<const Fd>(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))});
  proxy_ = make("outlives");
  proxy_->adopt(std::move(survivor));
  proxy_->start();
  proxy_->forget_netns(kPod);
  proxy_->publish(*make_snapshot_file(1, "bytes"));
  until([&] { return proxy_->has_applied(1); });
  EXPECT_FALSE(proxy_->is_closing_listeners());
}

TEST_F(AdoptionTest, OneWorkerMoreThanItHasIsSentAway) {
  adopt("outlives");
  until([&] { return proxy_->has_all_workers(); });
  EXPECT_FALSE(proxy_->attach(Fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0))));
}

}  // namespace
}  // namespace fairlead::agent_broker
