// Builds one Snapshot from its wire form, in one pass over each list. Private to the room; used once, by one thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/config/field_path.h"
#include "userspace-proxy/config/snapshot.h"

#include <memory>

namespace fairlead::config {

namespace wire {
class Cluster;
class Service;
class Workload;
}  // namespace wire

class SnapshotBuilder {
 public:
  // `wire` must outlive the builder.
  explicit SnapshotBuilder(const wire::Snapshot& wire);

  Result<std::shared_ptr<const Snapshot>> build();

 private:
  // The steps, in their order. Objects exist before the first step that refers to them.
  void make_objects();
  Status add_identities();
  Status add_policies();
  Status add_network_policies();
  Status add_workloads();
  Status add_services();
  Status add_clusters();
  Status add_route_tables();
  Status add_virtual_hosts();

  Status fill(Workload& workload, const wire::Workload& wire, const FieldPath& path) const;
  Status fill_ports(Workload& workload, const wire::Workload& wire, const FieldPath& path) const;
  Status fill_network(Workload& workload, const wire::Workload& wire, const FieldPath& path) const;
  Status fill(Service& service, const wire::Service& wire, const FieldPath& path) const;
  Status fill(Cluster& cluster, const wire::Cluster& wire, const FieldPath& path) const;
  Status index(const Workload& workload, const FieldPath& path);
  void index(const Service& service);

  const wire::Snapshot& wire_;
  std::shared_ptr<Snapshot> snapshot_;
  const FieldPath root_;
};

}  // namespace fairlead::config
