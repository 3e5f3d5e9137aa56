// The snapshot's clusters: where a service port, or a subset of it, leads. Each content once. One compilation, one
// thread.
#pragma once

#include "agent/compile/registry.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace fairlead::compile {

struct ClusterRequest {
  size_t service = 0;                                               // index
  size_t port = 0;                                                  // index of the service's port
  const model::Subset* subset = nullptr;                            // null: all endpoints
  std::chrono::milliseconds connect_timeout{0};                     // 0: the default
  std::optional<model::LoadBalancer> load_balancer = std::nullopt;  // of the rule; a subset may have its own
};

class Clusters {
 public:
  // `workloads`: by pod, 1 + its index in the snapshot, 0 if it is not there.
  Clusters(const Registry& registry, std::vector<uint32_t> workloads, config::wire::Snapshot& out)
      : registry_(registry), workloads_(std::move(workloads)), out_(out) {}

  // Index in the snapshot; the cluster is made on the first request for it.
  uint32_t get(const ClusterRequest& request);

 private:
  void add_endpoints(const ClusterRequest& request, config::wire::Cluster& cluster) const;

  const Registry& registry_;
  std::vector<uint32_t> workloads_;
  config::wire::Snapshot& out_;
  std::map<std::string, uint32_t> by_content_;
};

}  // namespace fairlead::compile
