#include "agent/compile/clusters.h"

#include "agent/compile/names.h"

#include <fmt/format.h>

namespace fairlead::compile {
namespace {

// Istio's mesh default (MeshConfig.connectTimeout).
constexpr std::chrono::milliseconds kConnectTimeout{10'000};

config::wire::Balance to_wire(model::LoadBalancer mode) {
  using enum model::LoadBalancer;
  switch (mode) {
    case kUnspecified:
      return config::wire::UNSPECIFIED;
    case kRoundRobin:
      return config::wire::ROUND_ROBIN;
    case kLeastRequest:
      return config::wire::LEAST_REQUEST;
    case kRandom:
    case kPassthrough:  // to the dialled address, or, of a service's, as kube-proxy would
      return config::wire::RANDOM;
    case kSourceIp:
      return config::wire::SOURCE;
  }
  return config::wire::UNSPECIFIED;
}

model::LoadBalancer mode_of(const ClusterRequest& request) {
  const bool own = request.subset != nullptr && request.subset->load_balancer;
  return (own ? request.subset->load_balancer : request.load_balancer).value_or(model::LoadBalancer::kUnspecified);
}

}  // namespace

uint32_t Clusters::get(const ClusterRequest& request) {
  const ServiceEntry& service = registry_.services()[request.service];
  const ServicePortEntry& port = service.ports[request.port];
  const std::string_view subset = request.subset != nullptr ? std::string_view(request.subset->name) : "";
  const auto timeout = request.connect_timeout.count() > 0 ? request.connect_timeout : kConnectTimeout;

  config::wire::Cluster cluster;
  cluster.set_name(fmt::format("outbound|{}|{}|{}", port.spec->port, subset, service.host));
  cluster.set_service(static_cast<uint32_t>(request.service + 1));
  const model::LoadBalancer mode = mode_of(request);
  cluster.set_original_destination(service.service->headless || mode == model::LoadBalancer::kPassthrough);
  cluster.set_balance(to_wire(mode));
  // A client of a headless service has chosen its pod by itself.
  cluster.set_affinity_timeout_s(service.service->headless ? 0
                                                           : static_cast<uint32_t>(service.service->affinity.count()));
  cluster.set_connect_timeout_ms(static_cast<uint32_t>(timeout.count()));
  add_endpoints(request, cluster);
  // Rules of two namespaces may give one name to different subsets, so the content is the key.
  const auto [found, fresh] = by_content_.emplace(cluster.SerializeAsString(), out_.clusters_size());
  if (fresh) {
    *out_.add_clusters() = std::move(cluster);
  }
  return found->second;
}

// Those of the subset first: near ones are preferred among them.
void Clusters::add_endpoints(const ClusterRequest& request, config::wire::Cluster& cluster) const {
  const ServiceEntry& service = registry_.services()[request.service];
  std::vector<const ReadyEndpoint*> chosen;
  for (const ReadyEndpoint& ready : service.ports[request.port].endpoints) {
    // Labels are the pod's: an address of no known pod is in no subset that asks for some.
    static const model::Labels kNone;
    const model::Labels& labels = ready.pod ? registry_.pods()[*ready.pod].pod->meta.labels : kNone;
    if (request.subset == nullptr || selects(request.subset->labels, labels)) {
      chosen.push_back(&ready);
    }
  }
  keep_reachable(*service.service, chosen);
  for (const ReadyEndpoint* ready : chosen) {
    config::wire::Endpoint& endpoint = *cluster.add_endpoints();
    const auto& bytes = ready->address.ip.bytes();
    endpoint.set_ip(bytes.data(), bytes.size());
    endpoint.set_port(ready->address.port);
    endpoint.set_workload(ready->pod ? workloads_[*ready->pod] : 0);
  }
}

}  // namespace fairlead::compile
