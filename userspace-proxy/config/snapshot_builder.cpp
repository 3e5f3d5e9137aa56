#include "userspace-proxy/config/snapshot_builder.h"

#include "userspace-proxy/config/snapshot.pb.h"
#include "userspace-proxy/config/snapshot_index.h"
#include "userspace-proxy/config/snapshot_values.h"

#include <algorithm>
#include <span>
#include <utility>

namespace fairlead::config {
namespace {

constexpr std::string_view kSpiffeScheme = "spiffe://";

// proto3 enums are open: any number may arrive.
Result<Protocol> protocol_from(wire::Protocol protocol, const FieldPath& path) {
  switch (protocol) {
    case wire::TCP:
      return Protocol::kTcp;
    case wire::HTTP:
      return Protocol::kHttp;
    case wire::HTTP2:
      return Protocol::kHttp2;
    case wire::UNDECLARED:
      return Protocol::kUndeclared;
    default:
      return path.fail("unknown protocol");
  }
}

Result<Mode> mode_from(wire::Mode mode, const FieldPath& path) {
  switch (mode) {
    case wire::OFF:
      return Mode::kOff;
    case wire::NODE:
      return Mode::kNode;
    case wire::SIDECAR:
      return Mode::kSidecar;
    default:
      return path.fail("unknown mode");
  }
}

Result<Balance> balance_from(wire::Balance balance, const FieldPath& path) {
  switch (balance) {
    case wire::UNSPECIFIED:
      return Balance::kUnspecified;
    case wire::ROUND_ROBIN:
      return Balance::kRoundRobin;
    case wire::LEAST_REQUEST:
      return Balance::kLeastRequest;
    case wire::RANDOM:
      return Balance::kRandom;
    case wire::SOURCE:
      return Balance::kSource;
    default:
      return path.fail("unknown way to balance");
  }
}

// REQUIRES: the endpoints are in order.
std::optional<SourceRing> ring_of(std::span<const Endpoint> endpoints) {
  if (endpoints.empty()) {
    return std::nullopt;
  }
  std::vector<SocketAddress> addresses;
  std::ranges::transform(endpoints, std::back_inserter(addresses), &Endpoint::address);
  return SourceRing(addresses);
}

template <class T>
void make(std::vector<std::unique_ptr<T>>& list, int count) {
  list.reserve(count);
  for (int i = 0; i < count; ++i) {
    list.push_back(std::make_unique<T>());
  }
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

Result<policy::Identity> identity_from(const wire::Identity& wire, const FieldPath& path) {
  if (wire.id() == 0) {
    return path.at("id").fail("0 stands for no identity");
  }
  if (!wire.spiffe().starts_with(kSpiffeScheme)) {
    return path.at("spiffe").fail("does not begin with spiffe://");
  }
  return policy::Identity{.id = wire.id(),
                          .principal = wire.spiffe().substr(kSpiffeScheme.size()),
                          .ns = wire.namespace_(),
                          .service_account = wire.service_account()};
}

}  // namespace

SnapshotBuilder::SnapshotBuilder(const wire::Snapshot& wire) : wire_(wire), snapshot_(new Snapshot) {}

Result<std::shared_ptr<const Snapshot>> SnapshotBuilder::build() {
  make_objects();
  for (const auto step :
       {&SnapshotBuilder::add_identities, &SnapshotBuilder::add_policies, &SnapshotBuilder::add_network_policies,
        &SnapshotBuilder::add_workloads, &SnapshotBuilder::add_services, &SnapshotBuilder::add_clusters,
        &SnapshotBuilder::add_route_tables, &SnapshotBuilder::add_virtual_hosts}) {
    if (Status done = (this->*step)(); !done) {
      return std::unexpected(done.error());
    }
  }
  return std::shared_ptr<const Snapshot>(std::move(snapshot_));
}

void SnapshotBuilder::make_objects() {
  snapshot_->generation_ = wire_.generation();
  snapshot_->trust_domain_ = wire_.trust_domain();
  make(snapshot_->workloads_, wire_.workloads_size());
  make(snapshot_->services_, wire_.services_size());
  make(snapshot_->clusters_, wire_.clusters_size());
  auto& index = *snapshot_->index_;
  index.workloads_by_ip.reserve(wire_.workloads_size());
  index.services_by_host.reserve(wire_.services_size());
  index.services_by_short_name.reserve(wire_.services_size());
  index.services_by_vip.reserve(wire_.services_size());
}

Status SnapshotBuilder::add_identities() {
  for (int i = 0; i < wire_.identities_size(); ++i) {
    const FieldPath path = root_.at("identities", i);
    auto identity = identity_from(wire_.identities(i), path);
    if (!identity) {
      return std::unexpected(identity.error());
    }
    if (!snapshot_->index_->identities.try_emplace(identity->id, std::move(*identity)).second) {
      return path.at("id").fail("a number has two identities");
    }
  }
  return {};
}

Status SnapshotBuilder::add_policies() {
  for (int i = 0; i < wire_.policies_size(); ++i) {
    auto policy = policy::Policy::build(wire_.policies(i));
    if (!policy) {
      return root_.at("policies", i).fail(wire_.policies(i).name() + ": " + policy.error().message());
    }
    snapshot_->policies_.push_back(std::move(*policy));
  }
  return {};
}

Status SnapshotBuilder::add_workloads() {
  for (int i = 0; i < wire_.workloads_size(); ++i) {
    const FieldPath path = root_.at("workloads", i);
    Workload& workload = *snapshot_->workloads_[i];
    if (Status done = fill(workload, wire_.workloads(i), path); !done) {
      return done;
    }
    if (Status done = index(workload, path); !done) {
      return done;
    }
  }
  return {};
}

Status SnapshotBuilder::fill(Workload& workload, const wire::Workload& wire, const FieldPath& path) const {
  if (wire.identity() >= static_cast<uint32_t>(wire_.identities_size())) {
    return path.at("identity").fail("beyond the list that it refers to");
  }
  workload.identity = snapshot_->index_->identities.at(wire_.identities(static_cast<int>(wire.identity())).id());
  for (int i = 0; i < wire.ips_size(); ++i) {
    auto ip = address_from(wire.ips(i), path.at("ips", i));
    if (!ip) {
      return std::unexpected(ip.error());
    }
    workload.ips.push_back(*ip);
  }
  const auto mode = mode_from(wire.mode(), path.at("mode"));
  if (!mode) {
    return std::unexpected(mode.error());
  }
  for (int i = 0; i < wire.policies_size(); ++i) {
    auto policy = referred(snapshot_->policies_, wire.policies(i), path.at("policies", i));
    if (!policy) {
      return std::unexpected(policy.error());
    }
    workload.policies.policies.push_back(*policy);
  }
  workload.mode = *mode;
  workload.accelerated = wire.accelerated();
  workload.uid = wire.uid();
  workload.ns = wire.namespace_();
  workload.name = wire.name();
  workload.netns = wire.netns();
  workload.labels.insert(wire.labels().begin(), wire.labels().end());
  workload.workload_name = wire.workload_name();
  workload.canonical_service = wire.canonical_service();
  workload.canonical_revision = wire.canonical_revision();
  workload.app = wire.app();
  workload.version = wire.version();
  workload.cluster = wire.cluster();
  if (Status done = fill_network(workload, wire, path); !done) {
    return done;
  }
  return fill_ports(workload, wire, path);
}

Status SnapshotBuilder::fill_ports(Workload& workload, const wire::Workload& wire, const FieldPath& parent) const {
  workload.ports.reserve(wire.ports_size());
  for (int i = 0; i < wire.ports_size(); ++i) {
    const wire::WorkloadPort& from = wire.ports(i);
    const FieldPath path = parent.at("ports", i);
    const auto port = port_from(from.port(), path.at("port"));
    if (!port) {
      return std::unexpected(port.error());
    }
    const auto protocol = protocol_from(from.protocol(), path.at("protocol"));
    if (!protocol) {
      return std::unexpected(protocol.error());
    }
    const auto service = optionally_referred(snapshot_->services_, from.service(), path.at("service"));
    if (!service) {
      return std::unexpected(service.error());
    }
    workload.ports.push_back(
        {.port = *port, .protocol = *protocol, .service = *service, .refuse_opaque = from.refuse_opaque()});
  }
  return {};
}

Status SnapshotBuilder::index(const Workload& workload, const FieldPath& path) {
  auto& index = *snapshot_->index_;
  if (workload.netns != 0 && !index.workloads_by_netns.try_emplace(workload.netns, &workload).second) {
    return path.at("netns").fail("two workloads have it");
  }
  for (const IpAddress& ip : workload.ips) {
    index.workloads_by_ip.try_emplace(ip, &workload);
  }
  return {};
}

Status SnapshotBuilder::add_services() {
  for (int i = 0; i < wire_.services_size(); ++i) {
    Service& service = *snapshot_->services_[i];
    if (Status done = fill(service, wire_.services(i), root_.at("services", i)); !done) {
      return done;
    }
    index(service);
  }
  return {};
}

Status SnapshotBuilder::fill(Service& service, const wire::Service& wire, const FieldPath& path) const {
  if (wire.host().empty()) {
    return path.at("host").fail("empty");
  }
  service.host = wire.host();
  std::ranges::transform(service.host, service.host.begin(), lower);
  service.ns = wire.namespace_();
  service.name = wire.name();
  service.headless = wire.headless();
  for (int i = 0; i < wire.vips_size(); ++i) {
    auto vip = address_from(wire.vips(i), path.at("vips", i));
    if (!vip) {
      return std::unexpected(vip.error());
    }
    service.vips.push_back(*vip);
  }
  service.external_vips = std::min<size_t>(wire.external_vips(), service.vips.size());
  service.ports.reserve(wire.ports_size());
  for (int i = 0; i < wire.ports_size(); ++i) {
    const wire::ServicePort& from = wire.ports(i);
    const FieldPath at = path.at("ports", i);
    const auto port = port_from(from.port(), at.at("port"));
    if (!port) {
      return std::unexpected(port.error());
    }
    const auto protocol = protocol_from(from.protocol(), at.at("protocol"));
    if (!protocol) {
      return std::unexpected(protocol.error());
    }
    const auto cluster = referred(snapshot_->clusters_, from.cluster(), at.at("cluster"));
    if (!cluster) {
      return std::unexpected(cluster.error());
    }
    service.ports.push_back({.port = *port, .name = from.name(), .protocol = *protocol, .cluster = *cluster});
  }
  return {};
}

void SnapshotBuilder::index(const Service& service) {
  auto& index = *snapshot_->index_;
  const std::string_view host = service.host;
  index.services_by_host.try_emplace(host, &service);
  for (const IpAddress& vip : service.vips) {
    index.services_by_vip.try_emplace(vip, &service);
  }
  for (const IpAddress& ip : std::span(service.vips).last(service.external_vips)) {
    for (const ServicePort& port : service.ports) {
      index.services_at_external.try_emplace({.ip = ip, .port = port.port}, &service);
    }
  }
  // "name.ns.svc.DOMAIN": a Kubernetes service, which may be called by the first two labels.
  const size_t short_size = service.name.size() + 1 + service.ns.size();
  if (host.starts_with(service.name + "." + service.ns + ".svc.")) {
    index.services_by_short_name.try_emplace(host.substr(0, short_size), &service);
  }
}

Status SnapshotBuilder::add_clusters() {
  for (int i = 0; i < wire_.clusters_size(); ++i) {
    if (Status done = fill(*snapshot_->clusters_[i], wire_.clusters(i), root_.at("clusters", i)); !done) {
      return done;
    }
  }
  return {};
}

Status SnapshotBuilder::fill(Cluster& cluster, const wire::Cluster& wire, const FieldPath& path) const {
  const auto service = optionally_referred(snapshot_->services_, wire.service(), path.at("service"));
  if (!service) {
    return std::unexpected(service.error());
  }
  cluster.service = *service;
  cluster.name = wire.name();
  cluster.original_destination = wire.original_destination();
  if (wire.connect_timeout_ms() != 0) {
    cluster.connect_timeout = std::chrono::milliseconds(wire.connect_timeout_ms());
  }
  const auto balance = balance_from(wire.balance(), path.at("balance"));
  if (!balance) {
    return std::unexpected(balance.error());
  }
  cluster.balance = *balance;
  cluster.affinity = std::chrono::seconds(wire.affinity_timeout_s());
  cluster.endpoints.reserve(wire.endpoints_size());
  for (int i = 0; i < wire.endpoints_size(); ++i) {
    const wire::Endpoint& from = wire.endpoints(i);
    const FieldPath at = path.at("endpoints", i);
    const auto ip = address_from(from.ip(), at.at("ip"));
    if (!ip) {
      return std::unexpected(ip.error());
    }
    const auto port = port_from(from.port(), at.at("port"));
    if (!port) {
      return std::unexpected(port.error());
    }
    const auto workload = optionally_referred(snapshot_->workloads_, from.workload(), at.at("workload"));
    if (!workload) {
      return std::unexpected(workload.error());
    }
    cluster.endpoints.push_back({.address = {.ip = *ip, .port = *port}, .workload = *workload});
  }
  std::ranges::sort(cluster.endpoints, {}, &Endpoint::address);
  const auto ipv6 = std::ranges::stable_partition(cluster.endpoints,
                                                  [](const Endpoint& endpoint) { return endpoint.address.ip.is_v4(); });
  cluster.ipv4_count = cluster.endpoints.size() - ipv6.size();
  if (cluster.balance == Balance::kSource) {
    const std::span<const Endpoint> all(cluster.endpoints);
    cluster.ipv4_ring = ring_of(all.first(cluster.ipv4_count));
    cluster.ipv6_ring = ring_of(all.subspan(cluster.ipv4_count));
  }
  return {};
}

Status SnapshotBuilder::add_route_tables() {
  for (int i = 0; i < wire_.route_tables_size(); ++i) {
    auto table = route::RouteTable::build(wire_.route_tables(i), snapshot_->clusters_);
    if (!table) {
      return root_.at("route_tables", i).fail(wire_.route_tables(i).name() + ": " + table.error().message());
    }
    snapshot_->tables_.push_back(std::move(*table));
  }
  return {};
}

Status SnapshotBuilder::add_virtual_hosts() {
  VirtualHosts& hosts = snapshot_->index_->virtual_hosts;
  for (int i = 0; i < wire_.virtual_hosts_size(); ++i) {
    const wire::VirtualHost& from = wire_.virtual_hosts(i);
    const FieldPath path = root_.at("virtual_hosts", i);
    if (from.domain().empty() || from.domain().find('*', 1) != std::string::npos) {
      return path.at("domain").fail("neither a name nor \"*SUFFIX\"");
    }
    if (from.port() > std::numeric_limits<uint16_t>::max()) {
      return path.at("port").fail("above 65535");
    }
    const auto table = referred(snapshot_->tables_, from.route_table(), path.at("route_table"));
    if (!table) {
      return std::unexpected(table.error());
    }
    hosts.add(from.domain(), from.client_namespace(), static_cast<uint16_t>(from.port()), *table);
  }
  hosts.finish();
  return {};
}

}  // namespace fairlead::config
