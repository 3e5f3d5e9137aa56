#include "agent/broker/broker_socket.h"

#include "tests/unit/host/temporary_directory.h"
#include "userspace-proxy/base/log.h"
#include "userspace-proxy/broker/reconnect.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <vector>

namespace fairlead::agent_broker {
namespace {

using agent::Loop;
using std::chrono::seconds;

constexpr gid_t kGroup = 15006;

class BrokerSocketTest : public testing::Test {
 protected:
  BrokerSocketTest() { log::start("test", "off"); }

  void open(bool is_ours) {
    auto opened = BrokerSocket::open(*loop_, directory_, kGroup, [this, is_ours](pid_t pid, Fd socket) {
      pids_.push_back(pid);
      if (is_ours) {
        kept_ = std::move(socket);
      }
      return is_ours;
    });
    ASSERT_TRUE(opened) << opened.error().message();
    socket_ = std::move(*opened);
  }

  test::TemporaryDirectory place_;
  std::string directory_ = place_ / "broker", path_ = directory_ + "/" + broker::kAgentSocket;
  std::unique_ptr<Loop> loop_{std::move(*Loop::create())};
  std::vector<pid_t> pids_;
  Fd kept_;
  std::unique_ptr<BrokerSocket> socket_;
};

TEST_F(BrokerSocketTest, WhoConnectsIsToldByTheKernel) {
  open(true);
  const auto worker = broker::connect_to_agent(path_.c_str());
  ASSERT_TRUE(worker) << worker.error().message();
  loop_->run_once(seconds(1));
  EXPECT_EQ(pids_, std::vector<pid_t>{getpid()});
  EXPECT_TRUE(kept_);
}

TEST_F(BrokerSocketTest, WhoIsNotOursIsSentAway) {
  open(false);
  const auto worker = broker::connect_to_agent(path_.c_str());
  ASSERT_TRUE(worker);
  loop_->run_once(seconds(1));
  char byte = 0;
  EXPECT_EQ(recv(worker->get(), &byte, 1, 0), 0);
}

TEST_F(BrokerSocketTest, OnlyRootAndTheGroupOfTheProxiesComeNear) {
  const mode_t before = umask(0);
  open(true);
  umask(before);
  struct stat directory{}, socket{};
  ASSERT_EQ(stat(directory_.c_str(), &directory), 0);
  ASSERT_EQ(stat(path_.c_str(), &socket), 0);
  EXPECT_EQ(directory.st_mode & 07777, 0750U);
  EXPECT_EQ(socket.st_mode & 07777, 0660U);
  EXPECT_EQ(directory.st_gid, kGroup);
  EXPECT_EQ(socket.st_gid, kGroup);
  EXPECT_EQ(directory.st_uid, 0U);
}

TEST_F(BrokerSocketTest, TheSocketOfAnAgentBeforeIsReplaced) {
  open(true);
  socket_.reset();
  EXPECT_FALSE(broker::connect_to_agent(path_.c_str())) << "nobody listens";
  open(true);
  EXPECT_TRUE(broker::connect_to_agent(path_.c_str()));
}

}  // namespace
}  // namespace fairlead::agent_broker
