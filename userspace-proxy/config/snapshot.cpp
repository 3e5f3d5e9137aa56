#include "userspace-proxy/config/snapshot.h"

#include "userspace-proxy/config/host_name.h"
#include "userspace-proxy/config/snapshot.pb.h"
#include "userspace-proxy/config/snapshot_builder.h"
#include "userspace-proxy/config/snapshot_index.h"

#include <algorithm>
#include <limits>

namespace fairlead::config {
namespace {

template <class Map, class Key>
auto find_in(const Map& map, const Key& key) -> typename Map::mapped_type {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}

// Lists of a few ports: a linear search is the fastest.
template <class Port>
const Port* find_port(const std::vector<Port>& ports, uint16_t number) {
  const auto found = std::ranges::find(ports, number, &Port::port);
  return found == ports.end() ? nullptr : &*found;
}

}  // namespace

const WorkloadPort* Workload::port(uint16_t number) const { return find_port(ports, number); }
const ServicePort* Service::port(uint16_t number) const { return find_port(ports, number); }

Snapshot::Snapshot() : index_(std::make_unique<Index>()) {}
Snapshot::~Snapshot() = default;

Result<std::shared_ptr<const Snapshot>> Snapshot::build(const wire::Snapshot& wire) {
  return SnapshotBuilder(wire).build();
}

Result<std::shared_ptr<const Snapshot>> Snapshot::parse(std::span<const std::byte> bytes) {
  wire::Snapshot wire;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail("the snapshot is no message of its kind");
  }
  return build(wire);
}

const Workload* Snapshot::workload_by_netns(uint64_t cookie) const {
  return find_in(index_->workloads_by_netns, cookie);
}
const Workload* Snapshot::workload_by_ip(const IpAddress& ip) const { return find_in(index_->workloads_by_ip, ip); }
const Service* Snapshot::service_by_host(std::string_view host) const {
  return find_in(index_->services_by_host, host);
}
const Service* Snapshot::service_by_vip(const IpAddress& ip) const { return find_in(index_->services_by_vip, ip); }

const Service* Snapshot::service_at(const SocketAddress& dialled) const {
  const Service* const first = service_by_vip(dialled.ip);
  if (first == nullptr || first->port(dialled.port) != nullptr) {
    return first;
  }
  const Service* const other = find_in(index_->services_at_external, dialled);
  return other != nullptr ? other : first;
}

const policy::Identity* Snapshot::identity(uint32_t id) const {
  const auto found = index_->identities.find(id);
  return found == index_->identities.end() ? nullptr : &found->second;
}

Snapshot::HostMatch Snapshot::find_host(std::string_view host, uint16_t port, std::string_view client_namespace) const {
  HostName name(host);
  if (name.text().empty()) {
    return {};
  }
  HostMatch match;
  std::string_view domain = name.text();
  if (const Service* service = index_->named_service(name, client_namespace)) {
    match.port = service->port(port);
    if (match.port == nullptr) {
      return {};
    }
    match.service = service;
    domain = service->host;
  }
  match.table = index_->virtual_hosts.find(domain, port, client_namespace);
  return match;
}

}  // namespace fairlead::config
