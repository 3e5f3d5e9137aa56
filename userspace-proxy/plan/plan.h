// Where a request or connection goes: a pure function of (snapshot, facts, chance). The proxy does what the plan says;
// `fairlead explain` prints it. No sockets, no clock, no allocation.
//
// Who serves which end (design section 3): destination policy is applied once, by whoever serves the destination. So a
// plan of the node proxy for a pod in node mode carries the destination side too (`judge`), and its upstream socket
// lives in the destination's namespace; everything else leaves from the source's. Thread: any.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/reason.h"
#include "userspace-proxy/config/snapshot.h"

#include <cstdint>

namespace fairlead::plan {

enum class Shape : uint8_t { kNode, kSidecar };  // who plans: the node proxy, or the sidecar of one pod

// What balancing remembers from one choice to the next. Each worker has its own.
class BalanceState {
 public:
  virtual ~BalanceState() = default;
  // How busy an endpoint is, for the choice of the less loaded of two (Istio's default, LEAST_REQUEST).
  [[nodiscard]] virtual uint32_t active(const SocketAddress& endpoint) const = 0;
  // One more than at the last call for this cluster (ROUND_ROBIN).
  virtual uint32_t next_turn(const config::Cluster& cluster) = 0;
};

struct Plan {
  enum class Kind : uint8_t { kForward, kDirectResponse, kRedirect, kRefuse };
  Kind kind = Kind::kRefuse;
  Reason reason = Reason::NONE;  // why refused
  uint16_t status = 0;           // of a refusal, on HTTP

  // Whatever was decided on the way there; null or empty where it does not apply.
  const route::RouteTable* table = nullptr;
  const route::Route* route = nullptr;
  const route::Match* match = nullptr;
  const route::WeightedCluster* choice = nullptr;
  const config::Service* service = nullptr;  // as the metrics name the destination
  const config::Cluster* cluster = nullptr;  // null: passed through to the dialled address

  // kForward
  SocketAddress endpoint;
  const config::Workload* destination = nullptr;  // null: no pod that we know
  uint64_t netns = 0;                             // cookie of the namespace that the upstream socket must live in
  bool judge = false;                             // the destination's policy is to be applied here
};

// What a plan at an outbound listener is made of. Referred to, not kept.
struct Outbound {
  const config::Snapshot& snapshot;
  Shape shape;
  const config::Workload& source;
  const SocketAddress& dialled;  // what the application connected to
  const SocketAddress& kept;     // the endpoint that session affinity keeps for it; none if there is none
  uint64_t random;
  BalanceState& state;
};

// A request at an outbound listener.
Plan outbound_http(const Outbound& from, const http::RequestHead& head);

// A connection at an outbound listener that is not HTTP/1.1 (a TCP port in sidecar mode, an HTTP/2 preface): to the
// service or pod that was dialled. HTTP rules that select it cannot be judged: refused.
Plan outbound_tcp(const Outbound& from);

// A request or connection at an inbound listener: to the pod itself.
Plan inbound(const config::Workload& destination, const SocketAddress& dialled);

}  // namespace fairlead::plan
