#include "userspace-proxy/proxy/passage.h"

#include "userspace-proxy/plan/judge.h"
#include "userspace-proxy/plan/network.h"

namespace fairlead::proxy {

Judgement judge_bytes(const config::Workload& destination, const SocketAddress& endpoint, const plan::Caller& caller) {
  // An HTTP port with an HTTP/2 preface: rules with HTTP facts cannot be judged, so nothing may pass.
  const config::WorkloadPort* const port = destination.port(endpoint.port);
  if (port != nullptr && (port->protocol == config::Protocol::kHttp || port->refuse_opaque) &&
      plan::needs_http(destination)) {
    return {.reason = Reason::L7_ON_OPAQUE, .policy = nullptr};
  }
  const auto decision = plan::judge(destination, endpoint, caller, nullptr);
  return {.reason = decision.allowed ? Reason::NONE : Reason::RBAC_DENIED, .policy = decision.policy};
}

Judgement Passage::judge(const config::Snapshot& snapshot) const {
  const Ends ends = ends_of(snapshot, arrival_);
  if (!ends.known) {  // the pod is gone: whoever tells us that ends it
    return {};
  }
  const bool is_outbound = arrival_.role == broker::Role::kOutbound;
  const config::Workload* const destination =
      is_outbound ? snapshot.workload_by_ip(plan_.endpoint.ip) : ends.destination;
  const plan::NetworkDecision network =
      ends.source != nullptr
          ? plan::judge_network(*ends.source, destination, plan_.endpoint)
          : plan::judge_network_arrival(snapshot, ends.caller.address.ip, *destination, plan_.endpoint);
  if (!network.allowed) {
    return {.reason = Reason::NETWORK_DENIED, .policy = nullptr};
  }
  if (!plan_.judge || destination == nullptr) {
    return {};
  }
  if (request_ != nullptr) {
    const auto decision = plan::judge(*destination, plan_.endpoint, ends.caller, request_);
    return {.reason = decision.allowed ? Reason::NONE : Reason::RBAC_DENIED, .policy = decision.policy};
  }
  Judgement judgement = judge_bytes(*destination, plan_.endpoint, ends.caller);
  if (judgement.reason == Reason::L7_ON_OPAQUE) {
    judgement.reason = Reason::PATH_CHANGED;
  }
  return judgement;
}

bool Passage::may_begin(const SnapshotPin& decided, const SnapshotPin& current) {
  if (&*decided != &*current) {
    judge_again(current);
  }
  return objection_.reason == Reason::NONE;
}

void Passage::judge_again(const SnapshotPin& snapshot) {
  if (objection_.reason != Reason::NONE) {
    return;
  }
  judged_by_ = snapshot;
  objection_ = judge(*snapshot);
  if (objection_.reason != Reason::NONE) {
    client_.cancel();
  }
}

}  // namespace fairlead::proxy
