#include "tests/bpf/world.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

namespace fairlead::test {
namespace {

constexpr const char* kPrefix = "kern-test-";

struct World {
  Netns bridge;
  Pod a, b, c, outside;
};

void wire(const Netns& bridge, Pod& pod, int number) {
  const std::string n = std::to_string(number);
  pod.netns = Netns::make();
  bridge.sh("ip link add port" + n + " type veth peer name eth0 netns " + pod.netns.path());
  bridge.sh("ip link set port" + n + " master br0 up");
  pod.netns.sh("ip addr add 10.77.0." + n + "/24 dev eth0");
  pod.netns.sh("ip addr add fd77::" + n + "/64 dev eth0 nodad");
  pod.netns.sh("ip link set eth0 up");
  pod.cookie = pod.netns.cookie();
  pod.identity = 100 + static_cast<uint32_t>(number);
  pod.ip4 = *IpAddress::parse("10.77.0." + n);
  pod.ip6 = *IpAddress::parse("fd77::" + n);
}

const World& world() {
  static const World made = [] {
    World w;
    w.bridge = Netns::make();
    w.bridge.sh("ip link add br0 type bridge mcast_snooping 0 && ip link set br0 up");
    wire(w.bridge, w.a, 1);
    wire(w.bridge, w.b, 2);
    wire(w.bridge, w.c, 3);
    wire(w.bridge, w.outside, 9);
    return w;
  }();
  return made;
}

// Pins and cgroups of test programs that were killed.
void sweep() {
  const auto is_dead = [](const std::string& name) {
    return name.starts_with(kPrefix) &&
           access(("/proc/" + name.substr(std::string(kPrefix).size())).c_str(), F_OK) != 0;
  };
  namespace fs = std::filesystem;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/fs/bpf", error)) {
    if (is_dead(entry.path().filename())) {
      static_cast<void>(kernel::remove_pins(entry.path()));
    }
  }
  for (const auto& entry : fs::directory_iterator(Cgroup::mount(), error)) {
    if (is_dead(entry.path().filename())) {
      rmdir((entry.path() / "own").c_str());
      rmdir(entry.path().c_str());
    }
  }
}

}  // namespace

void TablesBuilder::allow(uint32_t set, fl_peer_kind kind, uint32_t peer, std::optional<uint16_t> port) {
  tables.network.emplace(fl_network_key{.prefixlen = FL_NETWORK_PREFIX + (port ? 16U : 0U),
                                        .set = set,
                                        .peer = peer,
                                        .kind = static_cast<uint16_t>(kind),
                                        .port = htons(port.value_or(0))},
                         1);
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 300; i++) {
    if (condition()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

fl_pod& TablesBuilder::pod(const Pod& pod, fl_mode mode) {
  fl_pod& entry = tables.pods[pod.cookie];
  entry.ip4 = pod.ip4.raw();
  entry.ip6 = pod.ip6.raw();
  entry.identity = pod.identity;
  entry.mode = mode;
  return entry;
}

void TablesBuilder::pod_port(const Pod& pod, uint16_t port, fl_protocol protocol) {
  for (const IpAddress& ip : {pod.ip4, pod.ip6}) {
    const fl_target_key key{.ip = ip.raw(), .port = htons(port), .pad = 0};
    const auto found = tables.pods.find(pod.cookie);
    const bool served = found != tables.pods.end() && found->second.mode != FL_MODE_OFF;
    fl_target& target = tables.targets[key];
    target = {};
    target.owner = served ? pod.cookie : 0;
    target.kind = FL_TARGET_POD;
    target.protocol = static_cast<__u8>(protocol);
  }
}

fl_target& TablesBuilder::service(const SocketAddress& vip, fl_protocol protocol,
                                  const std::vector<Endpoint>& endpoints) {
  const uint64_t set = next_set_++;
  uint32_t index = 0;
  for (const auto& endpoint : endpoints) {
    fl_backend& backend = tables.backends[{.set = set, .index = index++, .pad = 0}];
    backend.address = endpoint.address.raw();
    const bool served = endpoint.owner != nullptr && tables.pods.contains(endpoint.owner->cookie) &&
                        tables.pods[endpoint.owner->cookie].mode != FL_MODE_OFF;
    backend.owner = served ? endpoint.owner->cookie : 0;
  }
  fl_target& target = tables.targets[{.ip = vip.ip.raw(), .port = htons(vip.port), .pad = 0}];
  target = {};
  target.backends = set;
  target.count = static_cast<__u32>(endpoints.size());
  target.kind = FL_TARGET_SERVICE;
  target.protocol = static_cast<__u8>(protocol);
  fl_target& rest = tables.targets[{.ip = vip.ip.raw(), .port = 0, .pad = 0}];
  rest.kind = FL_TARGET_NO_PORT;
  return target;
}

void TablesBuilder::verdict(uint32_t set, uint32_t identity, bool allow, uint16_t port, uint32_t ip_class) {
  tables.policy[{.policy_set = set, .identity = identity, .ip_class = ip_class, .port = htons(port), .pad = 0}] = {
      .allow = allow, .pad = {}, .policy = 0};
}

void TablesBuilder::ip_class(uint32_t set, const std::string& cidr, uint32_t number) {
  const auto block = Cidr::parse(cidr);
  ASSERT_TRUE(block.has_value());
  tables.ip_classes[{.prefixlen = 32u + block->bits, .policy_set = set, .ip = block->address.raw()}] = number;
}

const Pod& DatapathTest::a() { return world().a; }
const Pod& DatapathTest::b() { return world().b; }
const Pod& DatapathTest::c() { return world().c; }
const Pod& DatapathTest::outside() { return world().outside; }

void DatapathTest::SetUp() {
  world();
  sweep();
  const std::string name = kPrefix + std::to_string(getpid());
  hook_cgroup_ = std::make_unique<Cgroup>(name);
  own_cgroup_ = std::make_unique<Cgroup>(name + "/own");
  hook_cgroup_->enter();
  options_ = {.pin_dir = "/sys/fs/bpf/" + name, .hook_cgroup = hook_cgroup_->path(), .own_cgroup = own_cgroup_->path()};
  auto datapath = kernel::Datapath::open(options_);
  ASSERT_TRUE(datapath.has_value()) << datapath.error().message();
  datapath_ = std::move(*datapath);
}

void DatapathTest::TearDown() {
  if (datapath_ != nullptr) {
    const auto removed = datapath_->remove();
    EXPECT_TRUE(removed.has_value()) << removed.error().message();
  }
  datapath_.reset();
  own_cgroup_.reset();
  hook_cgroup_.reset();
  EXPECT_NE(access(options_.pin_dir.c_str(), F_OK), 0) << "pins are left behind";
}

void DatapathTest::apply() {
  const auto applied = datapath_->apply(build_.tables);
  ASSERT_TRUE(applied.has_value()) << applied.error().message();
}

void DatapathTest::steer(const Pod& pod) {
  const auto steered = datapath_->add_steer(pod.cookie, pod.netns.fd());
  ASSERT_TRUE(steered.has_value()) << steered.error().message();
}

Fd DatapathTest::upstream_socket(const Pod& pod, int family) {
  Fd fd = as_agent([&] { return tcp_socket(pod.netns, family); });
  const auto tagged = datapath_->tag(fd.get(), {.netns = pod.cookie, .role = FL_TAG_UPSTREAM, .pad = 0});
  EXPECT_TRUE(tagged.has_value()) << tagged.error().message();
  return fd;
}

Fd DatapathTest::tagged_listener(const Pod& pod, fl_tag_role role, const SocketAddress& at) {
  Fd fd = as_agent([&] { return tcp_socket(pod.netns, at.ip.is_v4() ? AF_INET : AF_INET6); });
  const auto tagged = datapath_->tag(fd.get(), {.netns = pod.cookie, .role = static_cast<__u32>(role), .pad = 0});
  EXPECT_TRUE(tagged.has_value()) << tagged.error().message();
  listen_with(fd, at);
  return fd;
}

DatapathTest::Outbound DatapathTest::outbound_listeners(const Pod& pod) {
  Outbound outbound{.v4 = tagged_listener(pod, FL_TAG_OUTBOUND, address("127.0.0.1", 0)),
                    .v6 = tagged_listener(pod, FL_TAG_OUTBOUND, address("::1", 0))};
  fl_pod& entry = build_.tables.pods[pod.cookie];
  entry.outbound_port4 = htons(port_of(outbound.v4));
  entry.outbound_port6 = htons(port_of(outbound.v6));
  return outbound;
}

uint64_t DatapathTest::count(Reason reason) const {
  for (const auto& [which, number] : datapath_->counters().by_reason) {
    if (which == reason) {
      return number;
    }
  }
  return 0;
}

bool DatapathTest::reaches(Reason reason, uint64_t value) const {
  return eventually([&] { return count(reason) >= value; });
}

bpf::Maps DatapathTest::maps() const {
  auto pins = bpf::PinDir::open(options_.pin_dir);
  auto maps = bpf::Maps::open(*pins);
  EXPECT_TRUE(maps.has_value());
  return std::move(*maps);
}

std::vector<std::pair<fl_connection_key, fl_connection>> DatapathTest::connections() const {
  return *maps().connections.entries();
}

bool DatapathTest::no_connections_left() const {
  return eventually([&] { return connections().empty(); });
}

}  // namespace fairlead::test
