#include "userspace-proxy/proxy/arrival.h"

namespace fairlead::proxy {
namespace {

// A redirected connection arrives over loopback; the pod's own address of the dialled family stands for it.
IpAddress own_address(const config::Workload& workload, const IpAddress& dialled) {
  for (const IpAddress& ip : workload.ips) {
    if (ip.is_v4() == dialled.is_v4()) {
      return ip;
    }
  }
  return workload.ips.empty() ? IpAddress() : workload.ips.front();
}

}  // namespace

Ends ends_of(const config::Snapshot& snapshot, const Arrival& arrival) {
  Ends ends;
  const bool vouched = arrival.origin.kind != FL_CONNECTION_NONE;
  if (vouched) {
    ends.source = snapshot.workload_by_netns(arrival.origin.source_netns);
  }
  if (arrival.role == broker::Role::kOutbound) {
    ends.known = ends.source != nullptr;
    if (ends.known) {
      ends.caller.identity = &ends.source->identity;
      ends.caller.address = {own_address(*ends.source, arrival.origin.original.ip), arrival.peer.port};
    }
    return ends;
  }
  ends.destination = snapshot.workload_by_netns(arrival.netns);
  ends.known = ends.destination != nullptr;
  ends.caller.identity = vouched ? snapshot.identity(arrival.origin.identity) : nullptr;
  ends.caller.address = arrival.origin.client.ip.is_none() ? arrival.peer : arrival.origin.client;
  return ends;
}

}  // namespace fairlead::proxy
