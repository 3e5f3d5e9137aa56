// A connection as it arrives at one of the agent's listeners, and who is at its ends. Values; worker-local.
#pragma once

#include "userspace-proxy/broker/wire.h"
#include "userspace-proxy/net/connection_origin.h"
#include "userspace-proxy/plan/judge.h"
#include "userspace-proxy/plan/plan.h"

namespace fairlead::proxy {

struct Arrival {
  broker::Role role = broker::Role::kOutbound;
  plan::Shape shape = plan::Shape::kNode;
  uint64_t netns = 0;  // of the listener
  SocketAddress peer;  // as accept() gave it
  net::ConnectionOrigin origin;
};

// Who is at the ends of a connection by one snapshot. Pointers into that snapshot.
struct Ends {
  const config::Workload* source = nullptr;       // null: unknown
  const config::Workload* destination = nullptr;  // inbound: the listener's pod; outbound: known when planned
  plan::Caller caller;
  bool known = false;  // the workload that this proxy serves is in the snapshot
};

Ends ends_of(const config::Snapshot& snapshot, const Arrival& arrival);

}  // namespace fairlead::proxy
