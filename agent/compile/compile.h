// objects + the state of this node -> the snapshot that proxies and the kernel's tables are made from.
// A pure function: equal inputs give an equal snapshot, and `serialize` gives equal bytes. Any thread.
// Semantics: Istio's and Kubernetes' references; what they leave to a node agent is said where it is decided.
#pragma once

#include "agent/model/objects.h"
#include "userspace-proxy/base/address.h"
#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/config/snapshot.pb.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fairlead::compile {

// What the agent knows of a pod of this node. A pod that is off but has a netns is in the snapshot with its cookie too:
// the kernel balances its dials of service addresses.
struct PodState {
  uint64_t netns = 0;          // cookie; 0: not known, so not enrolled
  std::vector<IpAddress> ips;  // as found in the netns; empty: those of the Pod's status count
  config::Mode mode = config::Mode::kOff;
  std::string mode_reason;
  bool accelerated = false;  // its sockets may join
};

struct Inputs {
  const model::ObjectSet* objects = nullptr;
  std::string node_name;
  std::string trust_domain = "cluster.local";
  std::string cluster_domain = "cluster.local";
  std::string cluster_id = "Kubernetes";
  std::string root_namespace = "istio-system";
  std::map<std::string, PodState, std::less<>> pods;  // by "ns/name"
  uint64_t generation = 0;
};

struct Compiled {
  config::wire::Snapshot snapshot;
  std::vector<model::Message> messages;
};

// REQUIRES: inputs.objects is set.
Compiled compile(const Inputs& inputs);

// The bytes of a snapshot; map fields in the order of their keys, which protobuf does not promise by itself.
std::string serialize(const config::wire::Snapshot& snapshot);

}  // namespace fairlead::compile
