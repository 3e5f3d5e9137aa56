// Which of a service's endpoints the pods of this node get: internalTrafficPolicy, and the hints of an EndpointSlice as
// kube-proxy heeds them, whoever wrote those. Where nobody did (a directory of manifests has no endpoint controller),
// the hints are those that the controller would give for the Service's trafficDistribution.
// Sources: kubernetes.io/docs/reference/networking/virtual-ips (traffic policies), KEP-3015 and KEP-2433.
// Refers to the objects it was built from. One compilation, one thread.
#pragma once

#include "agent/compile/compile.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::compile {

struct ReadyEndpoint;

// An endpoint seen from this node. "Hinted": somebody has said for which nodes, or zones, it is.
struct Nearness {
  bool on_node = false;
  bool node_hinted = false, for_node = false;
  bool zone_hinted = false, for_zone = false;
};

class Topology {
 public:
  explicit Topology(const Inputs& inputs);

  // `pod`: behind the endpoint; null if that is no known pod.
  [[nodiscard]] Nearness of_endpoint(const model::EndpointAddress& endpoint, const model::Pod* pod,
                                     const model::Service& service) const;
  [[nodiscard]] Nearness of_pod(const model::Pod& pod, const model::Service& service) const;

 private:
  struct Place {
    std::string_view node, zone;  // empty: unknown
  };
  [[nodiscard]] std::string_view node_of(const model::Pod& pod) const;
  [[nodiscard]] std::string_view zone_of(std::string_view node, const model::Pod* pod) const;
  [[nodiscard]] Nearness controllers_hints(const Place& place, model::TrafficDistribution distribution) const;

  std::string_view node_name_, zone_;
  std::map<std::string_view, std::string_view> zones_;  // by node
};

// Leaves those that the pods of this node get.
void keep_reachable(const model::Service& service, std::vector<const ReadyEndpoint*>& endpoints);

}  // namespace fairlead::compile
