// What outlives an agent, what the next one adopts, and that an end leaves nothing.
#include "bpf/user/link.h"
#include "bpf/user/pins.h"
#include "tests/bpf/world.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>

namespace fairlead::test {
namespace {

// A connect4 program that only says yes.
bpf::Program idle_connect4() {
  const bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 1},
                           {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
  load.expected_attach_type = BPF_CGROUP_INET4_CONNECT;
  load.insns = reinterpret_cast<uint64_t>(code);
  load.insn_cnt = 2;
  load.license = reinterpret_cast<uint64_t>("GPL");
  return {.name = "connect4",
          .attach_type = BPF_CGROUP_INET4_CONNECT,
          .fd = Fd(static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load))))};
}

class LifecycleTest : public DatapathTest {
 protected:
  void mesh() {
    build_.pod(a());
    build_.pod(b());
    server_ = listen_on(b().netns, b().at(0));
    build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
    build_.service(vip_, FL_PROTOCOL_TCP, {{.owner = &b(), .address = b().at(port_of(server_))}});
    apply();
    steer(b());
  }
  void reopen() {
    auto datapath = kernel::Datapath::open(options_);
    ASSERT_TRUE(datapath.has_value()) << datapath.error().message();
    datapath_ = std::move(*datapath);
  }
  bool vip_is_served(const Pod& from) const { return dial(from.netns, vip_).error == 0; }
  uint32_t program_at(const std::string& path) {
    auto link = bpf::open_link(path);
    EXPECT_TRUE(link.has_value() && link->valid()) << path;
    return bpf::facts_of_link(link->get())->program_id;
  }

  SocketAddress vip_ = address("10.96.0.30", 5432);
  Fd server_;
};

TEST_F(LifecycleTest, WithoutAnAgentOpenAndNewConnectionsGoOn) {
  mesh();
  const auto open = dial(a().netns, vip_);
  const auto accepted = accept_one(server_);
  datapath_.reset();
  EXPECT_TRUE(carries(open.fd, accepted.fd));
  EXPECT_EQ(peer_of(open.fd), vip_);
  const auto client = dial(a().netns, vip_);
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(accept_one(server_).peer, local_of(client.fd));
  reopen();
  EXPECT_EQ(count(Reason::KERNEL_PATH), 2U) << "counters are of the run-dir, not of the process";
  EXPECT_TRUE(carries(accepted.fd, open.fd));
}

TEST_F(LifecycleTest, TheNextAgentAdoptsTheVeryPrograms) {
  mesh();
  const bpf::PinDir pins = *bpf::PinDir::open(options_.pin_dir);
  const uint32_t connect = program_at(pins.link("connect4"));
  const uint32_t sock_ops = program_at(pins.link("sock_ops"));
  const uint32_t steer_program = program_at(pins.steer(b().cookie));
  const uint32_t own = program_at(pins.link("getsockopt"));
  datapath_.reset();
  reopen();
  steer(a());  // the first one is loaded, and tells what the present code is
  steer(b());
  EXPECT_EQ(program_at(pins.link("connect4")), connect);
  EXPECT_EQ(program_at(pins.link("sock_ops")), sock_ops);
  EXPECT_EQ(program_at(pins.link("getsockopt")), own);
  EXPECT_EQ(program_at(pins.steer(b().cookie)), steer_program);
  EXPECT_TRUE(vip_is_served(a()));
}

TEST_F(LifecycleTest, OtherCodeIsSwappedInPlace) {
  mesh();
  const bpf::PinDir pins = *bpf::PinDir::open(options_.pin_dir);
  const bpf::Program idle = idle_connect4();
  ASSERT_TRUE(idle.fd.valid()) << strerror(errno);
  {
    const auto link = *bpf::open_link(pins.link("connect4"));
    ASSERT_TRUE(bpf::replace_program(link.get(), idle).has_value());
  }
  EXPECT_FALSE(vip_is_served(a())) << "as if another version had attached it";
  datapath_.reset();
  reopen();
  EXPECT_TRUE(vip_is_served(a()));
}

TEST_F(LifecycleTest, AnAdoptedTableKeepsItsEntries) {
  auto opened = maps();
  fl_connection_key key{};
  key.netns = 1;
  ASSERT_TRUE(opened.connections.update(key, {}).has_value());
  datapath_.reset();
  reopen();
  EXPECT_EQ(connections().size(), 1U);
}

TEST_F(LifecycleTest, AfterATimeWithoutSockOpsTheTableIsSwept) {
  auto opened = maps();
  fl_connection_key key{};
  key.netns = 1;
  ASSERT_TRUE(opened.connections.update(key, {}).has_value());
  ASSERT_TRUE(opened.shares.update(1, 5).has_value());
  datapath_.reset();
  ASSERT_TRUE(bpf::detach(bpf::PinDir::open(options_.pin_dir)->link("sock_ops")).has_value());
  reopen();
  EXPECT_TRUE(connections().empty());
  EXPECT_FALSE(opened.shares.lookup(1)->has_value());
}

TEST_F(LifecycleTest, ALinkThatIsMissingIsAttachedAgain) {
  mesh();
  datapath_.reset();
  ASSERT_TRUE(bpf::detach(bpf::PinDir::open(options_.pin_dir)->link("connect4")).has_value());
  EXPECT_FALSE(vip_is_served(a()));
  reopen();
  EXPECT_TRUE(vip_is_served(a()));
}

TEST_F(LifecycleTest, AnotherCgroupThanBeforeMovesTheLinks) {
  mesh();
  datapath_.reset();
  const Cgroup other("kern-test-other-" + std::to_string(getpid()));
  auto moved = options_;
  moved.hook_cgroup = other.path();
  {
    auto datapath = kernel::Datapath::open(moved);
    ASSERT_TRUE(datapath.has_value()) << datapath.error().message();
    EXPECT_FALSE(vip_is_served(a()));
    other.enter();
    EXPECT_TRUE(vip_is_served(a()));
    hook_cgroup_->enter();
  }
  reopen();
  EXPECT_TRUE(vip_is_served(a()));
}

TEST_F(LifecycleTest, RemoveLeavesNothingAttachedOrPinned) {
  mesh();
  EXPECT_TRUE(vip_is_served(a()));
  ASSERT_TRUE(datapath_->remove().has_value());
  EXPECT_NE(access(options_.pin_dir.c_str(), F_OK), 0);
  EXPECT_FALSE(vip_is_served(a())) << "no program runs, although the object still holds the maps";
  const auto client = dial(outside().netns, b().at(port_of(server_)));
  EXPECT_EQ(client.error, 0);
  datapath_.reset();
}

TEST_F(LifecycleTest, PinsOfAnAgentThatIsGoneCanBeRemovedWithoutIt) {
  mesh();
  datapath_.reset();
  ASSERT_TRUE(kernel::remove_pins(options_.pin_dir).has_value());
  EXPECT_NE(access(options_.pin_dir.c_str(), F_OK), 0);
  EXPECT_FALSE(vip_is_served(a()));
  EXPECT_TRUE(kernel::remove_pins(options_.pin_dir).has_value()) << "twice is no error";
}

TEST_F(LifecycleTest, AnAgentKilledWhileItMadeTheMapsIsNoObstacle) {
  ASSERT_TRUE(datapath_->remove().has_value());
  datapath_.reset();
  std::filesystem::create_directories(options_.pin_dir + "/maps_new");
  reopen();
  EXPECT_NE(access((options_.pin_dir + "/maps_new").c_str(), F_OK), 0);
}

TEST_F(LifecycleTest, MapsOfAnotherLayoutAreRefusedWithAdvice) {
  datapath_.reset();
  const std::string maps = options_.pin_dir + "/maps";
  ASSERT_EQ(unlink((maps + "/m_pods").c_str()), 0);
  ASSERT_EQ(rename((maps + "/m_shares").c_str(), (maps + "/m_pods").c_str()), 0);
  const auto datapath = kernel::Datapath::open(options_);
  ASSERT_FALSE(datapath.has_value());
  EXPECT_NE(
      datapath.error().message().find("m_pods was made by a version with another layout: run `fairlead uninstall`"),
      std::string::npos)
      << datapath.error().message();
  ASSERT_TRUE(kernel::remove_pins(options_.pin_dir).has_value());
}

TEST_F(LifecycleTest, AMissingCgroupIsAnErrorThatNamesIt) {
  auto wrong = options_;
  wrong.hook_cgroup = "/sys/fs/cgroup/none";
  const auto datapath = kernel::Datapath::open(wrong);
  ASSERT_FALSE(datapath.has_value());
  EXPECT_NE(datapath.error().message().find("/sys/fs/cgroup/none"), std::string::npos);
}

TEST_F(LifecycleTest, APinDirectoryOffBpffsIsRefused) {
  auto wrong = options_;
  wrong.pin_dir = testing::TempDir() + "pins-" + std::to_string(getpid());
  const auto datapath = kernel::Datapath::open(wrong);
  ASSERT_FALSE(datapath.has_value());
  EXPECT_NE(datapath.error().message().find("is not on a bpffs"), std::string::npos);
  std::filesystem::remove_all(wrong.pin_dir);
}

TEST_F(LifecycleTest, SteerComesAndGoesPerPod) {
  mesh();
  steer(b());
  steer(a());
  auto steered = datapath_->steered();
  std::sort(steered.begin(), steered.end());
  EXPECT_EQ(steered, (std::vector<uint64_t>{std::min(a().cookie, b().cookie), std::max(a().cookie, b().cookie)}));
  build_.pod_port(b(), 8080, FL_PROTOCOL_HTTP);
  apply();
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, ECONNREFUSED);
  EXPECT_EQ(count(Reason::STEER_NO_LISTENER), 1U);
  ASSERT_TRUE(datapath_->remove_steer(b().cookie).has_value());
  EXPECT_EQ(datapath_->steered(), std::vector<uint64_t>{a().cookie});
  EXPECT_EQ(dial(outside().netns, b().at(8080)).error, ECONNREFUSED);  // nobody listens
  EXPECT_EQ(count(Reason::STEER_NO_LISTENER), 1U) << "not judged any more";
  EXPECT_TRUE(datapath_->remove_steer(b().cookie).has_value()) << "twice is no error";
}

TEST_F(LifecycleTest, SteerOfANamespaceThatIsGoneCanBeRemoved) {
  uint64_t cookie = 0;
  {
    const Netns gone = Netns::make();
    cookie = gone.cookie();
    ASSERT_TRUE(datapath_->add_steer(cookie, gone.fd()).has_value());
  }
  EXPECT_EQ(datapath_->steered(), std::vector<uint64_t>{cookie});
  EXPECT_TRUE(datapath_->remove_steer(cookie).has_value());
  EXPECT_TRUE(datapath_->steered().empty());
}

TEST_F(LifecycleTest, TwoAgentsLiveSideBySide) {
  mesh();
  const Cgroup second_own("kern-test-second-" + std::to_string(getpid()));
  auto second_options = options_;
  second_options.pin_dir += "-second";
  second_options.own_cgroup = second_own.path();
  auto second = kernel::Datapath::open(second_options);
  ASSERT_TRUE(second.has_value()) << second.error().message();
  TablesBuilder theirs;
  theirs.pod(c());
  const auto vip = address("10.96.0.31", 5432);
  theirs.service(vip, FL_PROTOCOL_TCP, {{.owner = nullptr, .address = b().at(port_of(server_))}});
  ASSERT_TRUE((*second)->apply(theirs.tables).has_value());
  EXPECT_TRUE(vip_is_served(a()));
  EXPECT_FALSE(vip_is_served(c())) << "c is the other agent's, which knows no such address";
  EXPECT_EQ(dial(c().netns, vip).error, 0);
  EXPECT_NE(dial(a().netns, vip).error, 0);
  ASSERT_TRUE((*second)->remove().has_value());
  EXPECT_NE(dial(c().netns, vip).error, 0);
  EXPECT_TRUE(vip_is_served(a()));
}

TEST(FeaturesTest, ThisKernelHasWhatIsNeeded) {
  for (const auto& feature : kernel::probe_features()) {
    EXPECT_TRUE(feature.present) << feature.name << ": " << feature.meaning;
  }
}

}  // namespace
}  // namespace fairlead::test
