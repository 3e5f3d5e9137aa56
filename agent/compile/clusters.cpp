#include "agent/compile/clusters.h"

#include "agent/compile/names.h"

#include <fmt/format.h>

namespace fairlead::compile {
namespace {

// Istio's mesh default (MeshConfig.connectTimeout).
constexpr std::chrono::milliseconds kConnectTimeout{10'000};

}  // namespace

uint32_t Clusters::get(const ClusterRequest& request) {
  const ServiceEntry& service = registry_.services()[request.service];
  const ServicePortEntry& port = service.ports[request.port];
  const std::string_view subset = request.subset != nullptr ? std::string_view(request.subset->name) : "";
  const auto timeout = request.connect_timeout.count() > 0 ? request.connect_timeout : kConnectTimeout;

  config::wire::Cluster cluster;
  cluster.set_name(fmt::format("outbound|{}|{}|{}", port.spec->port, subset, service.host));
  cluster.set_service(static_cast<uint32_t>(request.service + 1));
  cluster.set_original_destination(service.service->headless);
  cluster.set_connect_timeout_ms(static_cast<uint32_t>(timeout.count()));
  for (const ReadyEndpoint& ready : port.endpoints) {
    // Labels are the pod's: an address of no known pod is in no subset that asks for some.
    static const model::Labels kNone;
    const model::Labels& labels = ready.pod ? registry_.pods()[*ready.pod].pod->meta.labels : kNone;
    if (request.subset != nullptr && !selects(request.subset->labels, labels)) {
      continue;
    }
    config::wire::Endpoint& endpoint = *cluster.add_endpoints();
    const auto& bytes = ready.address.ip.bytes();
    endpoint.set_ip(bytes.data(), bytes.size());
    endpoint.set_port(ready.address.port);
    endpoint.set_workload(ready.pod ? workloads_[*ready.pod] : 0);
  }
  // Rules of two namespaces may give one name to different subsets, so the content is the key.
  const auto [found, fresh] = by_content_.emplace(cluster.SerializeAsString(), out_.clusters_size());
  if (fresh) {
    *out_.add_clusters() = std::move(cluster);
  }
  return found->second;
}

}  // namespace fairlead::compile
