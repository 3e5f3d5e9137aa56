// What a connection to a service costs with 10 services and with 10,000 (100,000 endpoints), and in each way to
// balance: socket, connect, accept, close over loopback in one pod. Each round measures every case once, in turn, so
// that whatever else happens on the machine happens to all; printed are the medians of the ratios to the first case of
// the same round, with the quartiles. Needs root. It has a cgroup and pins of its own.
#include "tests/bpf/world.h"

#include <arpa/inet.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <random>

namespace fairlead::test {
namespace {

constexpr int kRounds = 41;
constexpr int kConnections = 200;  // of one case in one round
constexpr uint32_t kEndpoints = 10;

// Which of the services are dialled: each in its turn misses the processor's caches, one service does not.
enum class Dialled : uint8_t { kOne, kAll };

struct Case {
  const char* name;
  uint32_t services;
  Dialled dialled;
  fl_balance balance;
  uint32_t affinity_s;
};

constexpr Case kCases[] = {
    {"10 services, at random", 10, Dialled::kOne, FL_BALANCE_RANDOM, 0},
    {"10,000 services, at random", 10'000, Dialled::kOne, FL_BALANCE_RANDOM, 0},
    {"10 services, each in turn", 10, Dialled::kAll, FL_BALANCE_RANDOM, 0},
    {"10,000 services, each in turn", 10'000, Dialled::kAll, FL_BALANCE_RANDOM, 0},
    {"10,000 services, round robin", 10'000, Dialled::kOne, FL_BALANCE_ROUND_ROBIN, 0},
    {"10,000 services, least connections", 10'000, Dialled::kOne, FL_BALANCE_LEAST_CONNECTIONS, 0},
    {"10,000 services, by source", 10'000, Dialled::kOne, FL_BALANCE_SOURCE, 0},
    {"10,000 services, session affinity", 10'000, Dialled::kOne, FL_BALANCE_RANDOM, 10'800},
};

SocketAddress numbered(uint32_t base, uint32_t n, uint16_t port) {
  return {.ip = IpAddress::from_v4({.s_addr = htonl(base + n)}), .port = port};
}

SocketAddress vip(uint32_t n) { return numbered(0x0a600000, n, 80); }

Pod make_pod() {
  Pod pod;
  pod.netns = Netns::make();
  pod.netns.sh("ip addr add 10.99.0.1/32 dev lo");
  pod.cookie = pod.netns.cookie();
  pod.identity = 101;
  pod.ip4 = *IpAddress::parse("10.99.0.1");
  return pod;
}

// Service 0 leads to the pod's own server, or all do; the others' endpoints are addresses like any.
kernel::Tables tables_of(const Case& one, const Pod& pod, const SocketAddress& server) {
  TablesBuilder build;
  build.pod(pod);
  build.pod_port(pod, 0, FL_PROTOCOL_TCP);
  for (uint32_t s = 0; s < one.services; s++) {
    const bool answered = s == 0 || one.dialled == Dialled::kAll;
    std::vector<TablesBuilder::Endpoint> endpoints;
    for (uint32_t n = 0; n < kEndpoints; n++) {
      endpoints.push_back(answered ? TablesBuilder::Endpoint{&pod, server}
                                   : TablesBuilder::Endpoint{nullptr, numbered(0x0b000000, s * kEndpoints + n, 8080)});
    }
    fl_target& target = build.service(vip(s), FL_PROTOCOL_TCP, endpoints);
    target.balance = static_cast<__u8>(one.balance);
    target.affinity_s = one.affinity_s;
    target.slot_bits = 8;
    if (one.balance == FL_BALANCE_ROUND_ROBIN) {
      build.tables.turns.emplace(target.backends, 0);
    }
    for (uint32_t n = 0; one.balance == FL_BALANCE_LEAST_CONNECTIONS && n < kEndpoints; n++) {
      build.tables.loads.emplace(endpoints[n].address.raw(), fl_load{});
    }
    for (uint32_t block = 0; one.balance == FL_BALANCE_SOURCE && block < 4; block++) {
      build.tables.slots[{.set = target.backends, .index = block, .pad = 0}] = {};
    }
  }
  return std::move(build.tables);
}

// A datapath for one case: sockets made in its cgroup are its.
class Rig {
 public:
  Rig(const Case& one, size_t number, const Pod& pod, const SocketAddress& server)
      : case_(one), name_("kern-bench-" + std::to_string(getpid()) + "-" + std::to_string(number)) {
    auto opened = kernel::Datapath::open(
        {.pin_dir = "/sys/fs/bpf/" + name_, .hook_cgroup = hook_.path(), .own_cgroup = own_.path()});
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().message().c_str());
      std::exit(1);
    }
    datapath_ = std::move(*opened);
    if (const auto applied = datapath_->apply(tables_of(one, pod, server)); !applied) {
      std::fprintf(stderr, "%s\n", applied.error().message().c_str());
      std::exit(1);
    }
  }
  ~Rig() { static_cast<void>(datapath_->remove()); }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  // Nanoseconds of processor time for a connection.
  double measure(const Fd& listener) {
    hook_.enter();
    timespec before{}, after{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    for (int i = 0; i < kConnections; i++) {
      connect_once(listener);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return (static_cast<double>(after.tv_sec - before.tv_sec) * 1e9 +
            static_cast<double>(after.tv_nsec - before.tv_nsec)) /
           kConnections;
  }

 private:
  void connect_once(const Fd& listener) {
    const uint32_t service = case_.dialled == Dialled::kAll ? static_cast<uint32_t>(random_()) % case_.services : 0;
    sockaddr_storage to;
    const socklen_t size = vip(service).to(to, AF_INET);
    const Fd client(socket(AF_INET, SOCK_STREAM, 0));
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0) {
      std::perror("connect");
      std::exit(1);
    }
    const Fd server(accept(listener.get(), nullptr, nullptr));
    const linger reset{.l_onoff = 1, .l_linger = 0};  // no TIME_WAIT, which would use up the ports
    setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }

  const Case& case_;
  std::string name_;
  Cgroup hook_{name_}, own_{name_ + "/own"};
  std::unique_ptr<kernel::Datapath> datapath_;
  std::mt19937 random_{1};
};

void print(const Case& one, std::vector<double> ratios) {
  std::ranges::sort(ratios);
  std::printf("%-36s %5.3f  (%5.3f .. %5.3f)\n", one.name, ratios[ratios.size() / 2], ratios[ratios.size() / 4],
              ratios[ratios.size() * 3 / 4]);
}

void run(const Pod& pod) {
  const Fd listener = listen_on(pod.netns, pod.at(0));
  std::vector<std::unique_ptr<Rig>> rigs;
  for (const Case& one : kCases) {
    rigs.push_back(std::make_unique<Rig>(one, rigs.size(), pod, pod.at(port_of(listener))));
  }
  std::vector<std::vector<double>> ratios(std::size(kCases));
  double first_ns = 0;
  pod.netns.in([&] {
    for (int round = -2; round < kRounds; round++) {  // the first two warm up
      double first = 0;
      for (size_t i = 0; i < rigs.size(); i++) {
        const double ns = rigs[i]->measure(listener);
        first = i == 0 ? ns : first;
        if (round >= 0) {
          ratios[i].push_back(ns / first);
        }
      }
      first_ns += round >= 0 ? first / kRounds : 0;
    }
  });
  std::printf("%.1f us for a connection of the first case\n", first_ns / 1000);
  for (size_t i = 0; i < rigs.size(); i++) {
    print(kCases[i], std::move(ratios[i]));
  }
  Cgroup::leave();
}

}  // namespace
}  // namespace fairlead::test

int main() {
  using namespace fairlead::test;
  const Pod pod = make_pod();
  run(pod);
  return 0;
}
