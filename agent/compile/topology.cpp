#include "agent/compile/topology.h"

#include "agent/compile/registry.h"

#include <algorithm>

namespace fairlead::compile {
namespace {

constexpr std::string_view kZone = "topology.kubernetes.io/zone";

std::string_view label(const model::Metadata& meta, std::string_view name) {
  const auto found = meta.labels.find(name);
  return found != meta.labels.end() ? std::string_view(found->second) : std::string_view();
}

bool names(const std::vector<std::string>& hints, std::string_view name) {
  return !name.empty() && std::ranges::find(hints, name) != hints.end();
}

}  // namespace

Topology::Topology(const Inputs& inputs) : node_name_(inputs.node_name) {
  for (const model::Node* node : inputs.objects->all<model::Node>()) {
    zones_.emplace(node->meta.name, label(node->meta, kZone));
  }
  zone_ = zone_of(node_name_, nullptr);
  // Without a Node object the zone is that of what runs here.
  const auto learn = [&](std::string_view node, std::string_view zone) {
    if (zone_.empty() && node == node_name_) {
      zone_ = zone;
    }
  };
  for (const model::EndpointSlice* slice : inputs.objects->all<model::EndpointSlice>()) {
    for (const model::EndpointAddress& endpoint : slice->endpoints) {
      learn(endpoint.node_name, endpoint.zone);
    }
  }
  for (const model::Pod* pod : inputs.objects->all<model::Pod>()) {
    learn(node_of(*pod), label(pod->meta, kZone));
  }
}

// In a directory of manifests a pod that names no node is this node's.
std::string_view Topology::node_of(const model::Pod& pod) const {
  return pod.node_name.empty() ? node_name_ : std::string_view(pod.node_name);
}

// Kubernetes gives pods the label of their node (1.35 and later).
std::string_view Topology::zone_of(std::string_view node, const model::Pod* pod) const {
  const auto found = zones_.find(node);
  if (found != zones_.end() && !found->second.empty()) {
    return found->second;
  }
  const std::string_view own = pod != nullptr ? label(pod->meta, kZone) : std::string_view();
  return own.empty() && node == node_name_ ? zone_ : own;
}

// PreferSameNode falls back to the zone.
Nearness Topology::controllers_hints(const Place& place, model::TrafficDistribution distribution) const {
  Nearness near{.on_node = !place.node.empty() && place.node == node_name_};
  if (distribution == model::TrafficDistribution::kAny) {
    return near;
  }
  near.zone_hinted = !place.zone.empty();
  near.for_zone = near.zone_hinted && place.zone == zone_;
  if (distribution == model::TrafficDistribution::kPreferSameNode) {
    near.node_hinted = !place.node.empty();
    near.for_node = near.on_node;
  }
  return near;
}

Nearness Topology::of_pod(const model::Pod& pod, const model::Service& service) const {
  const std::string_view node = node_of(pod);
  return controllers_hints({node, zone_of(node, &pod)}, service.distribution);
}

Nearness Topology::of_endpoint(const model::EndpointAddress& endpoint, const model::Pod* pod,
                               const model::Service& service) const {
  Place place{.node = endpoint.node_name, .zone = endpoint.zone};
  if (place.node.empty() && pod != nullptr) {
    place.node = node_of(*pod);
  }
  if (place.zone.empty()) {
    place.zone = zone_of(place.node, pod);
  }
  Nearness near = controllers_hints(place, service.distribution);
  if (!endpoint.node_hints.empty() || !endpoint.zone_hints.empty()) {
    near.node_hinted = !endpoint.node_hints.empty();
    near.for_node = names(endpoint.node_hints, node_name_);
    near.zone_hinted = !endpoint.zone_hints.empty();
    near.for_zone = names(endpoint.zone_hints, zone_);
  }
  return near;
}

void keep_reachable(const model::Service& service, std::vector<const ReadyEndpoint*>& endpoints) {
  if (service.headless) {
    return;  // the client has chosen already
  }
  const auto keep = [&](bool Nearness::* wanted) {
    std::erase_if(endpoints, [&](const ReadyEndpoint* endpoint) { return !(endpoint->near.*wanted); });
  };
  if (service.node_local) {
    keep(&Nearness::on_node);
    return;
  }
  // Hints that some endpoints lack say nothing, and an endpoint elsewhere is better than none.
  const auto heeded = [&](bool Nearness::* hinted, bool Nearness::* here) {
    return std::ranges::all_of(endpoints, [&](const ReadyEndpoint* endpoint) { return endpoint->near.*hinted; }) &&
           std::ranges::any_of(endpoints, [&](const ReadyEndpoint* endpoint) { return endpoint->near.*here; });
  };
  if (heeded(&Nearness::node_hinted, &Nearness::for_node)) {
    keep(&Nearness::for_node);
  } else if (heeded(&Nearness::zone_hinted, &Nearness::for_zone)) {
    keep(&Nearness::for_zone);
  }
}

}  // namespace fairlead::compile
