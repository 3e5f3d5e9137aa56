// What a connection costs with our programs in its way: socket, connect, accept, close with a reset, all on one core
// and in one thread, pod to pod over veth. Pairs of rounds, without and with, one right after the other; medians over
// the pairs. Run by hand as root: build/bench/connect_bench [--gtest_filter=...]. Not a test: it fails on no figure.
#include "tests/bpf/world.h"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

namespace fairlead::test {
namespace {

constexpr int kPairs = 41, kConnections = 400;
constexpr uint16_t kPort = 7000;

// ns per connection.
double round(const Netns& from, const Fd& listener, const SocketAddress& to) {
  return from.in([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof(one), &one);
    sockaddr_storage address{};
    const socklen_t length = to.to(address, AF_INET);
    const linger reset{.l_onoff = 1, .l_linger = 0};
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kConnections; ++i) {
      const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
      if (connect(client.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
        return -1.0;
      }
      const Fd accepted(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    return took.count() / kConnections;
  });
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

class ConnectBench : public DatapathTest {
 protected:
  void SetUp() override {
    DatapathTest::SetUp();
    Cgroup::leave();
    bare_ = listen_on(c().netns, c().at(kPort));  // never a pod here, as far away as b
    hook_cgroup_->enter();
    hooked_ = listen_on(b().netns, b().at(kPort));
  }

  void services(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string ip =
          "10." + std::to_string(100 + i / 65536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256);
      build_.service(address(ip, 80), FL_PROTOCOL_TCP,
                     std::vector<TablesBuilder::Endpoint>(10, {.owner = &b(), .address = b().at(kPort)}));
    }
  }
  void enrol() {
    build_.pod(a());
    build_.pod(b());
    build_.pod_port(a(), 0, FL_PROTOCOL_TCP);
    build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
    steer(a());
    steer(b());
  }
  void policies() {
    build_.tables.pods[b().cookie].policy_set = 5;
    build_.verdict(5, a().identity, true);
    build_.tables.pods[a().cookie].peer_class = 1001;
    build_.tables.pods[b().cookie].ingress_set = 21;
    build_.allow(21, FL_PEER_POD, 1001);
  }

  // As the agent does, but not while a round is timed.
  void read_records() {
    if (!maps_) {
      maps_.emplace(maps());
    }
    maps_->flows.drain();
  }

  void compare(const char* what, const SocketAddress& to) {
    std::vector<double> without, added, ratio;
    for (int pair = 0; pair < kPairs; ++pair) {
      Cgroup::leave();
      const double base = round(a().netns, bare_, c().at(kPort));
      hook_cgroup_->enter();
      const double ours = round(a().netns, hooked_, to);
      ASSERT_GT(base, 0);
      ASSERT_GT(ours, 0);
      read_records();
      without.push_back(base);
      added.push_back(ours - base);
      ratio.push_back(ours / base);
    }
    std::printf("%-46s without %6.1f us   added %+5.2f us   ratio %.3f\n", what, median(without) / 1000,
                median(added) / 1000, median(ratio));
  }

  Fd bare_, hooked_;
  std::optional<bpf::Maps> maps_;
};

TEST_F(ConnectBench, ByWhatStandsInTheWay) {
  apply();
  compare("neither end is a pod", b().at(kPort));
  enrol();
  apply();
  compare("pods, pod address", b().at(kPort));
  services(10);
  apply();
  compare("pods, one of 10 services", address("10.100.0.5", 80));
  policies();
  apply();
  compare("pods, one of 10 services, both policies", address("10.100.0.5", 80));
  services(10'000);
  apply();
  compare("pods, one of 10,000 services, both policies", address("10.100.20.5", 80));
}

// For a profiler, which has to see one side alone: perf record -e cpu-clock -C 0 with each of these, and the difference
// by symbol; or `bpftool prog` with kernel.bpf_stats_enabled=1.
class ConnectProfile : public ConnectBench {
 protected:
  static constexpr int kRounds = 100;
  void rounds(const Fd& listener, const SocketAddress& to) {
    enrol();
    services(10);
    policies();
    apply();
    for (int i = 0; i < kRounds; ++i) {
      ASSERT_GT(round(a().netns, listener, to), 0);
      read_records();
    }
  }
};

TEST_F(ConnectProfile, Without) {
  Cgroup::leave();
  rounds(bare_, c().at(kPort));
}

TEST_F(ConnectProfile, WithServiceAndPolicies) { rounds(hooked_, address("10.100.0.5", 80)); }

}  // namespace
}  // namespace fairlead::test
