// A small cluster for tests of the BPF programs: three pods on one bridge and one namespace outside the mesh, a cgroup
// for everything, one below it for what the agent would own, a Datapath with pins of its own, and the tables to write.
//
//   pod a 10.77.0.1 fd77::1 identity 101, b .2 ::2 102, c .3 ::3 103; outside .9 ::9
//
// Namespaces live as long as the test program; cgroups, pins and tables as long as one test.
#pragma once

#include "agent/kernel/datapath.h"
#include "bpf/user/maps.h"
#include "tests/bpf/cgroup.h"
#include "tests/bpf/netns.h"
#include "tests/bpf/sockets.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::test {

struct Pod {
  Netns netns;
  uint64_t cookie = 0;
  uint32_t identity = 0;
  IpAddress ip4, ip6;

  [[nodiscard]] SocketAddress at(uint16_t port) const { return {.ip = ip4, .port = port}; }
  [[nodiscard]] SocketAddress at6(uint16_t port) const { return {.ip = ip6, .port = port}; }
};

// What the agent would write for one pod or service; `apply` of the fixture puts it into the kernel.
class TablesBuilder {
 public:
  // Enrols a pod: nothing selects it (policy set 0), no outbound listener.
  fl_pod& pod(const Pod& pod, fl_mode mode = FL_MODE_NODE);
  // A pod's own addresses, at one port (0: every port that has no entry).
  void pod_port(const Pod& pod, uint16_t port, fl_protocol protocol);
  // A service's address and port that leads to `endpoints`, which are in order, at random. Every other port of the
  // address is refused.
  struct Endpoint {
    const Pod* owner;  // null: an address that is no pod's
    SocketAddress address;
  };
  fl_target& service(const SocketAddress& vip, fl_protocol protocol, const std::vector<Endpoint>& endpoints);
  // A verdict of a policy set; port 0: every other port.
  void verdict(uint32_t set, uint32_t identity, bool allow, uint16_t port = 0, uint32_t ip_class = 0);
  void ip_class(uint32_t set, const std::string& cidr, uint32_t number);
  // What a network set allows a peer: one port, or all.
  void allow(uint32_t set, fl_peer_kind kind, uint32_t peer, std::optional<uint16_t> port = {});

  kernel::Tables tables;

 private:
  uint64_t next_set_ = 1;
};

class DatapathTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  static const Pod& a();
  static const Pod& b();
  static const Pod& c();
  static const Pod& outside();  // never enrolled

  // Writes the tables.
  void apply();
  void steer(const Pod& pod);
  // Runs `body` while this process is in the agent's cgroup: sockets that it makes answer our socket options.
  template <class Body>
  auto as_agent(Body body) {
    own_cgroup_->enter();
    auto result = body();
    hook_cgroup_->enter();
    return result;
  }
  // A tagged socket as the broker gives to proxies.
  Fd upstream_socket(const Pod& pod, int family);
  // A tagged listener at a free port of `at`.
  Fd tagged_listener(const Pod& pod, fl_tag_role role, const SocketAddress& at);
  // Gives the pod an outbound listener on 127.0.0.1 and one on ::1, and writes their ports into its entry.
  struct Outbound {
    Fd v4, v6;
  };
  Outbound outbound_listeners(const Pod& pod);

  [[nodiscard]] uint64_t count(Reason reason) const;
  // Waits until the counter has reached `value`.
  [[nodiscard]] bool reaches(Reason reason, uint64_t value) const;
  // Entries of the connection table.
  [[nodiscard]] std::vector<std::pair<fl_connection_key, fl_connection>> connections() const;
  [[nodiscard]] bool no_connections_left() const;
  // The same maps, opened by their pins.
  [[nodiscard]] bpf::Maps maps() const;

  kernel::DatapathOptions options_;
  std::unique_ptr<Cgroup> hook_cgroup_, own_cgroup_;
  std::unique_ptr<kernel::Datapath> datapath_;
  TablesBuilder build_;
};

// Whether `condition` becomes true within 3 s.
bool eventually(const std::function<bool()>& condition);

}  // namespace fairlead::test
