#include "agent/flow/subject.h"

#include <algorithm>

namespace fairlead::flow {
namespace {

// Without anything that points into its snapshot.
std::unique_ptr<const config::Workload> names_of(const config::Workload& workload) {
  auto names = std::make_unique<config::Workload>();
  names->uid = workload.uid;
  names->ns = workload.ns;
  names->name = workload.name;
  names->identity = workload.identity;
  names->netns = workload.netns;
  names->workload_name = workload.workload_name;
  names->canonical_service = workload.canonical_service;
  names->canonical_revision = workload.canonical_revision;
  names->app = workload.app;
  names->version = workload.version;
  names->cluster = workload.cluster;
  return names;
}

}  // namespace

void Directory::learn(std::shared_ptr<const config::Snapshot> snapshot) {
  if (snapshot_ != nullptr) {
    for (const auto& before : snapshot_->workloads()) {
      if (before->netns != 0 && snapshot->workload_by_netns(before->netns) == nullptr) {
        departed_.push_front(names_of(*before));
      }
    }
    departed_.resize(std::min(departed_.size(), kDeparted));
  }
  snapshot_ = std::move(snapshot);
}

bool Directory::knows(uint64_t netns) const {
  return snapshot_ != nullptr && snapshot_->workload_by_netns(netns) != nullptr;
}

const config::Workload* Directory::workload(uint64_t netns) const {
  if (netns == 0) {
    return nullptr;
  }
  if (const config::Workload* const living = snapshot_->workload_by_netns(netns); living != nullptr) {
    return living;
  }
  const auto gone = std::ranges::find(departed_, netns, &config::Workload::netns);
  return gone != departed_.end() ? gone->get() : nullptr;
}

const policy::Identity* Directory::identity(uint32_t id, const config::Workload* source) const {
  if (id == 0) {
    return nullptr;
  }
  return source != nullptr && source->identity.id == id ? &source->identity : snapshot_->identity(id);
}

Subject Directory::find(const fl_flow& flow) const {
  Subject subject;
  if (snapshot_ == nullptr) {
    return subject;
  }
  subject.source = workload(flow.source_netns);
  subject.source_identity = identity(flow.identity, subject.source);
  subject.destination = workload(flow.destination_netns);
  if (flow.in_mesh == 0) {
    return subject;
  }
  const SocketAddress dialled = SocketAddress::from(flow.dialled);
  const SocketAddress endpoint = SocketAddress::from(flow.destination);
  if (subject.destination == nullptr && flow.destination_netns == 0 && !endpoint.ip.is_none()) {
    subject.destination = snapshot_->workload_by_ip(endpoint.ip);
  }
  subject.service = snapshot_->service_by_vip(dialled.ip);
  if (subject.service != nullptr) {
    const config::ServicePort* const port = subject.service->port(dialled.port);
    subject.cluster = port != nullptr ? port->cluster : nullptr;
  } else if (subject.destination != nullptr) {
    const config::WorkloadPort* const port = subject.destination->port(endpoint.port);
    subject.service = port != nullptr ? port->service : nullptr;
  }
  return subject;
}

}  // namespace fairlead::flow
