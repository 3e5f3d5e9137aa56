#include "agent/compile/registry.h"

#include "agent/compile/endpoints.h"
#include "agent/compile/names.h"
#include "agent/compile/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace fairlead::compile {
namespace {

std::string pod_key(const model::Pod& pod) { return fmt::format("{}/{}", pod.meta.ns, pod.meta.name); }

// Of two pods with one address (a pod that ends while its successor starts; a manifest with a mistake), who keeps it:
// the one that runs, then the one this node has enrolled, then the younger.
bool keeps_address(const PodEntry& a, const PodEntry& b) {
  const auto merit = [](const PodEntry& entry) { return std::pair(!entry.pod->terminating, entry.netns != 0); };
  if (merit(a) != merit(b)) {
    return merit(a) > merit(b);
  }
  return older(b.pod->meta, a.pod->meta);
}

}  // namespace

std::optional<uint16_t> target_port(const model::ServicePort& port, const model::Pod& pod) {
  if (const auto* number = std::get_if<uint16_t>(&port.target)) {
    return *number != 0 ? *number : port.port;
  }
  const auto& name = std::get<std::string>(port.target);
  const auto found = std::ranges::find_if(pod.ports, [&](const model::ContainerPort& container) {
    return container.name == name && container.protocol == port.protocol;
  });
  return found != pod.ports.end() ? std::optional(found->port) : std::nullopt;
}

Registry Registry::build(const Inputs& inputs, Messages& messages) {
  Registry registry(inputs);
  registry.add_pods(inputs, messages);
  registry.add_services(inputs, messages);
  return registry;
}

std::optional<size_t> Registry::find(std::string_view host) const {
  const auto found = by_host_.find(host);
  return found != by_host_.end() ? std::optional(found->second) : std::nullopt;
}

std::optional<size_t> Registry::pod_by_ip(const IpAddress& ip) const {
  const auto found = by_ip_.find(ip);
  return found != by_ip_.end() ? std::optional(found->second) : std::nullopt;
}

std::pair<size_t, size_t> Registry::pods_of_namespace(std::string_view ns) const {
  const auto range = std::ranges::equal_range(
      pods_, ns, {}, [](const PodEntry& entry) { return std::string_view(entry.pod->meta.ns); });
  return {static_cast<size_t>(range.begin() - pods_.begin()), static_cast<size_t>(range.end() - pods_.begin())};
}

void Registry::add_pods(const Inputs& inputs, Messages& messages) {
  for (const model::Pod* pod : inputs.objects->all<model::Pod>()) {
    PodEntry entry{.pod = pod, .ips = pod->ips};
    const auto state = inputs.pods.find(pod_key(*pod));
    if (state != inputs.pods.end()) {
      entry.netns = state->second.netns;
      entry.mode = state->second.mode;
      entry.accelerated = state->second.accelerated;
      if (!state->second.ips.empty()) {
        entry.ips = state->second.ips;
      }
    }
    if (pod->host_network) {
      entry.ips.clear();
      entry.netns = 0;
      entry.mode = config::Mode::kOff;
    }
    pods_.push_back(std::move(entry));
  }
  settle_netns(messages);
  settle_addresses(messages);
}

// The kernel knows a pod by its cookie alone, so only one pod can have it.
void Registry::settle_netns(Messages& messages) {
  std::map<uint64_t, const model::Pod*> owners;
  for (PodEntry& entry : pods_) {
    if (entry.netns == 0) {
      continue;
    }
    const auto [owner, fresh] = owners.emplace(entry.netns, entry.pod);
    if (!fresh) {
      messages.add(code::kNetnsTwice, model::Severity::kError, {"Pod", entry.pod->meta},
                   fmt::format("its network namespace is already that of {}: not enrolled", pod_key(*owner->second)));
      entry.netns = 0;
      entry.mode = config::Mode::kOff;
    }
  }
}

void Registry::settle_addresses(Messages& messages) {
  std::map<IpAddress, size_t> owners;
  for (size_t i = 0; i < pods_.size(); ++i) {
    for (const IpAddress& ip : pods_[i].ips) {
      const auto [owner, fresh] = owners.emplace(ip, i);
      if (!fresh && keeps_address(pods_[i], pods_[owner->second])) {
        owner->second = i;
      }
    }
  }
  for (size_t i = 0; i < pods_.size(); ++i) {
    std::erase_if(pods_[i].ips, [&](const IpAddress& ip) {
      const size_t owner = owners.at(ip);
      if (owner == i) {
        return false;
      }
      if (!pods_[i].pod->terminating) {
        messages.add(code::kAddressTwice, model::Severity::kWarning, {"Pod", pods_[i].pod->meta},
                     fmt::format("its address {} counts as that of {}", ip.text(), pod_key(*pods_[owner].pod)));
      }
      return true;
    });
  }
  by_ip_ = std::move(owners);
}

void Registry::add_services(const Inputs& inputs, Messages& messages) {
  const SliceIndex slices(*inputs.objects);
  for (const model::Service* service : inputs.objects->all<model::Service>()) {
    if (service->type == "ExternalName") {
      messages.add(code::kExternalName, model::Severity::kWarning, {"Service", service->meta},
                   "type ExternalName is not in force yet: its name leads nowhere of its own");
      continue;
    }
    ServiceEntry entry{.service = service,
                       .host = service_host(service->meta.name, service->meta.ns, inputs.cluster_domain)};
    for (const model::ServicePort& port : service->ports) {
      ServicePortEntry out{.spec = &port,
                           .declared = declared_protocol({port.protocol, port.app_protocol, port.name, port.port})};
      if (out.declared) {
        resolve_endpoints(*this, slices, *service, out);
      }
      entry.ports.push_back(std::move(out));
    }
    by_host_.emplace(entry.host, services_.size());
    services_.push_back(std::move(entry));
  }
}

}  // namespace fairlead::compile
