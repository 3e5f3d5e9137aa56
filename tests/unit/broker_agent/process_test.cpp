#include "agent/broker/process.h"

#include "tests/unit/workload/temporary_netns.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>

namespace fairlead::agent_broker {
namespace {

using agent::Loop;
using std::chrono::seconds;
using testing::HasSubstr;

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() : loop_(std::move(*Loop::create())) {
    std::array<int, 2> ends;
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read_ = Fd(ends[0]);
    write_ = Fd(ends[1]);
  }

  // Runs a shell script with the pipe as descriptor 3; what it wrote there.
  std::string output_of(const std::string& script, int netns = -1) {
    Launch launch{.executable = "/bin/sh",
                  .arguments = {"-c", script},
                  .fds = {write_.get()},
                  .netns_fd = netns,
                  .uid = 15006,
                  .gid = 15006};
    std::optional<int> status;
    auto process = Process::start(*loop_, launch, [&](int ended) { status = ended; });
    EXPECT_TRUE(process) << process.error().message();
    write_.reset();
    while (!status) {
      loop_->run_once(seconds(1));
    }
    EXPECT_EQ(*status, 0);
    std::string text(65536, '\0');
    const ssize_t count = read(read_.get(), text.data(), text.size());
    text.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return text;
  }

  std::unique_ptr<Loop> loop_;
  Fd read_, write_;
};

TEST_F(ProcessTest, ItHasNoPrivilegeLeft) {
  const std::string status = output_of("cat /proc/self/status >&3");
  EXPECT_THAT(status, HasSubstr("Uid:\t15006\t15006\t15006\t15006\n"));
  EXPECT_THAT(status, HasSubstr("Gid:\t15006\t15006\t15006\t15006\n"));
  EXPECT_THAT(status, HasSubstr("Groups:\t \n"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_THAT(status, HasSubstr(std::string(set) + ":\t0000000000000000\n"));
  }
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1\n"));
  EXPECT_THAT(status, HasSubstr("SigBlk:\t0000000000000000\n"));
}

TEST_F(ProcessTest, ItHasNoEnvironmentButTheTimeZone) {
  setenv("TZ", "Europe/Berlin", 1);
  setenv("SECRET", "x", 1);
  const std::string text = output_of("tr '\\0' '\\n' < /proc/$$/environ >&3");
  EXPECT_EQ(text, "TZ=Europe/Berlin\n");
  unsetenv("TZ");
}

TEST_F(ProcessTest, ItHasNoDescriptorButThoseItWasGiven) {
  const Fd other(open("/dev/null", O_RDONLY));  // without close-on-exec
  EXPECT_EQ(output_of("exec ls /proc/self/fd >&3"), "0\n1\n2\n3\n4\n") << "4 is the directory that ls reads";
}

TEST_F(ProcessTest, ItLeadsASessionAndReadsNothing) {
  EXPECT_EQ(output_of("set -- $(cat /proc/$$/stat); [ $6 = $$ ] && readlink /proc/$$/fd/0 >&3"), "/dev/null\n");
}

TEST_F(ProcessTest, ItRunsInThePodsNetworkNamespaceWhereAsked) {
  const test::TemporaryNetns pod;
  const std::string text = output_of("readlink /proc/self/ns/net >&3", pod.fd());
  std::array<char, 64> own{};
  ASSERT_GT(readlink("/proc/self/ns/net", own.data(), own.size()), 0);
  EXPECT_THAT(text, HasSubstr("net:["));
  EXPECT_EQ(text.find(own.data()), std::string::npos);
}

TEST_F(ProcessTest, WhatCannotBeExecutedIsAnErrorHere) {
  Launch launch{.executable = "/etc/passwd", .uid = 15006, .gid = 15006};
  const auto process = Process::start(*loop_, launch, [](int) {});
  ASSERT_FALSE(process);
  EXPECT_THAT(process.error().message(), HasSubstr("exec"));
  launch.executable = "/absent";
  EXPECT_FALSE(Process::start(*loop_, launch, [](int) {}));
}

TEST_F(ProcessTest, ASignalReachesItAndItsEndIsTold) {
  const Launch launch{.executable = "/bin/sleep", .arguments = {"60"}, .uid = 15006, .gid = 15006};
  std::optional<int> status;
  auto process = Process::start(*loop_, launch, [&](int ended) { status = ended; });
  ASSERT_TRUE(process);
  (*process)->signal(SIGTERM);
  while (!status) {
    loop_->run_once(seconds(1));
  }
  EXPECT_EQ(describe_exit(*status), "signal 15 (Terminated)");
}

}  // namespace
}  // namespace fairlead::agent_broker
