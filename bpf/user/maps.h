// All maps of one run-dir, typed: created and pinned, or adopted where they are pinned already. One per Datapath.
#pragma once

#include "bpf/abi/accelerate.h"
#include "bpf/abi/connection.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/workload.h"
#include "bpf/user/map.h"
#include "bpf/user/pins.h"
#include "bpf/user/program.h"
#include "bpf/user/ring.h"
#include "userspace-proxy/base/error.h"

#include <map>
#include <string>
#include <vector>

namespace fairlead::bpf {

struct Maps {
  Map<uint64_t, fl_pod> pods;
  Map<fl_target_key, fl_target> targets;
  Map<fl_backend_key, fl_backend> backends;
  Map<uint64_t, uint64_t> turns;
  Map<fl_sockaddr, fl_load> loads;
  Map<fl_backend_key, fl_slots> slots;
  Map<fl_affinity_key, fl_affinity> affinity;
  Map<fl_policy_key, fl_verdict> policy;
  Map<fl_ip_class_key, uint32_t> ip_classes;
  Map<fl_network_key, uint32_t> network;
  Map<fl_connection_key, fl_connection> connections;
  Map<uint64_t, int64_t> shares;
  Map<int, fl_tag> tags;                     // key: a socket's descriptor in this process
  Map<int, fl_socket> sockets;               // the same
  Map<fl_listener_key, uint64_t> listeners;  // written: a descriptor; read: a socket cookie
  CounterMap counters;
  Ring<fl_flow> flows;
  Map<fl_traffic_key, fl_traffic> traffic;
  Map<uint32_t, uint32_t> acceleration_switch;
  Map<uint64_t, uint64_t> members;  // read: a socket cookie
  Map<uint64_t, fl_leg> legs;
  Map<fl_connection_key, fl_meeting> meetings;
  Map<fl_manner_key, uint8_t> manners;
  Map<uint64_t, fl_outcomes> outcomes;

  // By name, for the objects that share them. The descriptors belong to the members above.
  std::map<std::string, int, std::less<>> descriptors;

  // A pinned map of another layout is an Error that says what to run.
  static Result<Maps> open(const PinDir& pins);
};

// The programs for cgroup hooks, loaded with these maps; not attached.
struct CgroupPrograms {
  std::vector<Program> hooks;  // for the pods' cgroup: connect, sock_ops, getpeername, getsockname
  std::vector<Program> own;    // for the agent's own cgroup: setsockopt, getsockopt
};
Result<CgroupPrograms> load_cgroup_programs(const Maps& maps);

// What acceleration needs beside them, loaded when the first workload wants it; an Error where the kernel has no BTF.
struct AccelerationPrograms {
  std::vector<Program> hooks;  // for the pods' cgroup, attached after those above: accelerate (sock_ops)
  Program redirect;            // for the members' sockhash
};
Result<AccelerationPrograms> load_acceleration_programs(const Maps& maps);
// Sockets that join from now on run this program at each send; those inside keep theirs.
Status attach_to_members(const Program& redirect, const Maps& maps);

// The steer program of the netns with this cookie.
Result<Program> load_steer(const Maps& maps, uint64_t netns_cookie);

}  // namespace fairlead::bpf
