// Connections as the kernel tells of them, between pods of one snapshot.
#pragma once

#include "bpf/abi/flow.h"
#include "bpf/abi/reasons.h"
#include "tests/unit/kernel/snapshots.h"
#include "userspace-proxy/base/address.h"

#include <memory>
#include <string>

namespace fairlead::flow {

using kernel::ip;
using kernel::SnapshotMaker;
using kernel::wire_ip;
namespace wire = config::wire;

constexpr uint64_t kClient = 11, kServer = 12;

// client (10.0.0.1, netns 11, identity 101) and server (10.0.0.2, netns 12, identity 102, which declares 9000), both in
// node mode, and the service db at 10.96.0.1:9000.
inline SnapshotMaker two_pods() {
  SnapshotMaker maker;
  maker.add_workload("client", "10.0.0.1", kClient).set_peer_class(1);
  wire::Workload& server = maker.add_workload("server", "10.0.0.2", kServer);
  server.set_peer_class(2);
  SnapshotMaker::add_port(server, 9000, wire::TCP);
  maker.add_service("db", {"10.96.0.1"}, 9000, wire::TCP, {{"10.0.0.2", 9000, 2}});
  return maker;
}

inline fl_sockaddr at(const std::string& address, uint16_t port) {
  return SocketAddress{.ip = ip(address), .port = port}.raw();
}

// client -> db, at server.
inline fl_flow connection() {
  fl_flow flow{};
  flow.opened_ns = 1000;
  flow.cookie = 77;
  flow.source_netns = kClient;
  flow.destination_netns = kServer;
  flow.source = at("10.0.0.1", 40000);
  flow.dialled = at("10.96.0.1", 9000);
  flow.destination = at("10.0.0.2", 9000);
  flow.identity = 101;
  flow.reason = FL_REASON_KERNEL_PATH;
  flow.reporters = FL_REPORT_SOURCE | FL_REPORT_DESTINATION;
  flow.established = 1;
  flow.in_mesh = 1;
  return flow;
}

}  // namespace fairlead::flow
