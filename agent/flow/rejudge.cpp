#include "agent/flow/rejudge.h"

#include "userspace-proxy/plan/judge.h"
#include "userspace-proxy/plan/network.h"

namespace fairlead::flow {
namespace {

// The pod, if this node applies policies for it.
const config::Workload* served(const config::Snapshot& snapshot, uint64_t netns) {
  const config::Workload* const workload = netns != 0 ? snapshot.workload_by_netns(netns) : nullptr;
  return workload != nullptr && workload->mode != config::Mode::kOff ? workload : nullptr;
}

plan::NetworkDecision network(const config::Snapshot& snapshot, const fl_flow& open, const SocketAddress& endpoint) {
  const config::Workload* const source = served(snapshot, open.source_netns);
  const config::Workload* const destination = served(snapshot, open.destination_netns);
  if (source != nullptr) {
    return plan::judge_network(*source, destination != nullptr ? destination : snapshot.workload_by_ip(endpoint.ip),
                               endpoint);
  }
  if (destination == nullptr) {
    return {};
  }
  return plan::judge_network_arrival(snapshot, IpAddress(open.source.ip), *destination, endpoint);
}

}  // namespace

std::optional<Objection> objection_to(const config::Snapshot& snapshot, const fl_flow& open) {
  const SocketAddress endpoint = SocketAddress::from(open.destination);
  if (const auto decision = network(snapshot, open, endpoint); !decision.allowed) {
    return Objection{.reason = Reason::NETWORK_DENIED,
                     .policy = decision.policy != nullptr ? decision.policy->name() : std::string()};
  }
  const config::Workload* const destination = served(snapshot, open.destination_netns);
  if (destination == nullptr) {
    return std::nullopt;
  }
  const config::WorkloadPort* const port = destination->port(endpoint.port);
  if (port != nullptr && port->refuse_opaque) {
    return Objection{.reason = Reason::PATH_CHANGED, .policy = {}};
  }
  // A pod that turned off, or is gone, keeps the identity that it connected with.
  const config::Workload* const source = served(snapshot, open.source_netns);
  const plan::Caller caller{.identity = source != nullptr ? &source->identity : snapshot.identity(open.identity),
                            .address = SocketAddress::from(open.source)};
  const auto decision = plan::judge(*destination, endpoint, caller, nullptr);
  if (decision.allowed) {
    return std::nullopt;
  }
  const bool is_http = port != nullptr && port->protocol == config::Protocol::kHttp;
  return Objection{.reason = is_http && plan::needs_http(*destination) ? Reason::PATH_CHANGED : Reason::POLICY_DENIED,
                   .policy = decision.policy != nullptr ? decision.policy->name() : std::string()};
}

}  // namespace fairlead::flow
