// Network policy of both ends of one connection. Pure; any thread.
#pragma once

#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/policy/network.h"

namespace fairlead::plan {

struct NetworkDecision {
  bool allowed = true;
  const policy::NetworkPolicy* policy = nullptr;  // where it is refused: one that isolates that end
  policy::Direction direction = policy::Direction::kEgress;
};

// Whether `source` may connect to `endpoint`, which is `destination`'s (null: no pod's). A pod may always reach itself.
// Policies are known of the pods that this node serves only: of another node's pod that node asks its own.
NetworkDecision judge_network(const config::Workload& source, const config::Workload* destination,
                              const SocketAddress& endpoint);

// Whether `destination` takes a connection to its `endpoint` from a caller that is known by its address alone: no pod
// that this node serves.
NetworkDecision judge_network_arrival(const config::Snapshot& snapshot, const IpAddress& caller,
                                      const config::Workload& destination, const SocketAddress& endpoint);

}  // namespace fairlead::plan
