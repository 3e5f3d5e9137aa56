#include "agent/compile/endpoints.h"

#include "agent/compile/names.h"
#include "agent/compile/registry.h"

#include <algorithm>
#include <set>

namespace fairlead::compile {
namespace {

// The pod behind an address of a slice: who has it; else (hostNetwork) the one that targetRef names.
std::optional<size_t> pod_of(const Registry& registry, const model::EndpointSlice& slice,
                             const model::EndpointAddress& endpoint, const IpAddress& ip) {
  if (const auto owner = registry.pod_by_ip(ip)) {
    return owner;
  }
  for (size_t i = 0; !endpoint.pod.empty() && i < registry.pods().size(); ++i) {
    const model::Pod& pod = *registry.pods()[i].pod;
    if (pod.host_network && pod.meta.ns == slice.meta.ns && pod.meta.name == endpoint.pod) {
      return i;
    }
  }
  return std::nullopt;
}

// What a service port of that name is called in a slice. Kubernetes writes the name of the service port.
const model::EndpointPort* slice_port(const model::EndpointSlice& slice, const model::ServicePort& port) {
  const auto found = std::ranges::find_if(slice.ports, [&](const model::EndpointPort& candidate) {
    return candidate.name == port.name && candidate.protocol == port.protocol && candidate.port != 0;
  });
  return found != slice.ports.end() ? &*found : nullptr;
}

void from_slice(const Registry& registry, const model::EndpointSlice& slice, const model::Service& service,
                ServicePortEntry& port) {
  const model::EndpointPort* const number = slice_port(slice, *port.spec);
  if (number == nullptr) {
    return;
  }
  for (const model::EndpointAddress& endpoint : slice.endpoints) {
    for (const IpAddress& ip : endpoint.addresses) {
      const auto pod = pod_of(registry, slice, endpoint, ip);
      if (pod && service.selector.empty()) {
        port.targets.push_back({*pod, number->port});
      }
      if ((endpoint.ready || service.publish_not_ready) && !endpoint.terminating) {
        const model::Pod* const behind = pod ? registry.pods()[*pod].pod : nullptr;
        port.endpoints.push_back({{ip, number->port}, pod, registry.topology().of_endpoint(endpoint, behind, service)});
      }
    }
  }
}

// The families a service hands out: those of its own addresses; a headless one all.
bool wants_family(const model::Service& service, const IpAddress& ip) {
  return service.cluster_ips.empty() ||
         std::ranges::any_of(service.cluster_ips, [&](const IpAddress& vip) { return vip.is_v4() == ip.is_v4(); });
}

void from_pods(const Registry& registry, const model::Service& service, ServicePortEntry& port) {
  for (const Target& target : port.targets) {
    const PodEntry& entry = registry.pods()[target.pod];
    if (entry.pod->terminating || (!entry.pod->ready && !service.publish_not_ready)) {
      continue;
    }
    // A hostNetwork pod answers at its node's address, which its status has.
    const std::vector<IpAddress>& ips = entry.pod->host_network ? entry.pod->ips : entry.ips;
    for (const IpAddress& ip : ips) {
      if (wants_family(service, ip)) {
        port.endpoints.push_back({{ip, target.port}, target.pod, registry.topology().of_pod(*entry.pod, service)});
      }
    }
  }
}

void select_targets(const Registry& registry, const model::Service& service, ServicePortEntry& port) {
  const auto [first, last] = registry.pods_of_namespace(service.meta.ns);
  for (size_t i = first; i < last; ++i) {
    const model::Pod& pod = *registry.pods()[i].pod;
    if (!selects(service.selector, pod.meta.labels)) {
      continue;
    }
    if (const auto number = target_port(*port.spec, pod)) {
      port.targets.push_back({i, *number});
    }
  }
}

}  // namespace

SliceIndex::SliceIndex(const model::ObjectSet& objects) {
  for (const model::EndpointSlice* slice : objects.all<model::EndpointSlice>()) {
    slices_[{slice->meta.ns, slice->service}].push_back(slice);
  }
}

const std::vector<const model::EndpointSlice*>& SliceIndex::of(const model::Service& service) const {
  static const std::vector<const model::EndpointSlice*> kNone;
  const auto found = slices_.find({service.meta.ns, service.meta.name});
  return found != slices_.end() ? found->second : kNone;
}

void resolve_endpoints(const Registry& registry, const SliceIndex& slices, const model::Service& service,
                       ServicePortEntry& port) {
  if (!service.selector.empty()) {
    select_targets(registry, service, port);
  }
  const auto& written = slices.of(service);
  for (const model::EndpointSlice* slice : written) {
    from_slice(registry, *slice, service, port);
  }
  if (written.empty()) {
    from_pods(registry, service, port);
  }
  // Slices may overlap while a controller moves endpoints between them (Kubernetes: EndpointSlices, duplicates).
  std::ranges::sort(port.endpoints, {}, &ReadyEndpoint::address);
  const auto repeated = std::ranges::unique(port.endpoints, {}, &ReadyEndpoint::address);
  port.endpoints.erase(repeated.begin(), repeated.end());
}

}  // namespace fairlead::compile
