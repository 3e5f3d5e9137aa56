#include "agent/compile/virtual_services.h"

#include "agent/compile/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::compile {
namespace {

constexpr std::string_view kKind = "VirtualService";
constexpr std::string_view kMesh = "mesh";

bool names_mesh(const std::vector<std::string>& gateways) {
  return gateways.empty() || std::ranges::find(gateways, kMesh) != gateways.end();
}

}  // namespace

bool match_applies(const model::HttpMatch& match, uint16_t port) {
  return (match.port == 0 || match.port == port) && names_mesh(match.gateways);
}

bool rule_applies(const model::HttpRoute& route, uint16_t port) {
  return route.matches.empty() ||
         std::ranges::any_of(route.matches, [&](const model::HttpMatch& match) { return match_applies(match, port); });
}

bool has_rules(const model::VirtualService& object, uint16_t port) {
  return std::ranges::any_of(object.http, [&](const model::HttpRoute& route) { return rule_applies(route, port); });
}

VirtualServices::VirtualServices(const Inputs& inputs) {
  for (const model::VirtualService* object : inputs.objects->all<model::VirtualService>()) {
    if (!names_mesh(object->gateways)) {
      continue;
    }
    if (object->http.empty()) {
      continue;
    }
    for (const std::string& host : object->hosts) {
      std::string full = expand_host(host, object->meta.ns, inputs.cluster_domain);
      bound_[full].push_back({object, full});
    }
  }
  for (auto& [host, rivals] : bound_) {
    std::ranges::stable_sort(
        rivals, [](const BoundHost& a, const BoundHost& b) { return older(a.object->meta, b.object->meta); });
    if (is_wildcard(host)) {
      wildcards_.push_back(host);
    }
  }
}

std::vector<const BoundHost*> VirtualServices::candidates(std::string_view host) const {
  std::vector<const BoundHost*> found;
  const auto collect = [&](const std::vector<BoundHost>& rivals) {
    for (const BoundHost& bound : rivals) {
      found.push_back(&bound);
    }
  };
  if (const auto exact = bound_.find(host); exact != bound_.end()) {
    collect(exact->second);
  }
  for (const std::string& wildcard : wildcards_) {
    if (wildcard != host && covers(wildcard, host)) {
      collect(bound_.at(wildcard));
    }
  }
  return found;
}

const BoundHost* VirtualServices::owner(std::string_view host, uint16_t port, std::string_view client) const {
  const BoundHost* best = nullptr;
  Visibility best_visibility = Visibility::kNone;
  for (const BoundHost* bound : candidates(host)) {
    const Visibility seen = visibility(bound->object->export_to, bound->object->meta.ns, client);
    if (seen == Visibility::kNone || !has_rules(*bound->object, port)) {
      continue;
    }
    const bool better = best == nullptr || specificity(bound->host) > specificity(best->host) ||
                        (specificity(bound->host) == specificity(best->host) && seen < best_visibility);
    if (better) {
      best = bound;
      best_visibility = seen;
    }
  }
  return best;
}

std::set<std::string> VirtualServices::foreign_hosts(const Registry& registry) const {
  std::set<std::string> hosts;
  for (const auto& [host, rivals] : bound_) {
    const bool of_a_service =
        is_wildcard(host) ? std::ranges::any_of(registry.services(),
                                                [&](const ServiceEntry& service) { return covers(host, service.host); })
                          : registry.find(host).has_value();
    if (!of_a_service) {
      hosts.insert(host);
    }
  }
  return hosts;
}

void VirtualServices::report_conflicts(Messages& messages) const {
  for (const auto& [host, rivals] : bound_) {
    // Private and named exports hide others from some clients only, which is their purpose.
    const model::VirtualService* owner = nullptr;
    for (const BoundHost& bound : rivals) {
      if (visibility(bound.object->export_to, bound.object->meta.ns, "") != Visibility::kPublic) {
        continue;
      }
      if (owner == nullptr || owner == bound.object) {
        owner = bound.object;
        continue;
      }
      messages.add(
          code::kHostTaken, model::Severity::kError, {kKind, bound.object->meta},
          fmt::format("host {} already belongs to the older VirtualService {}/{}: these rules are not in force "
                      "for it; inside the mesh the rules of several objects are not merged (IST0109)",
                      host, owner->meta.ns, owner->meta.name));
    }
  }
}

}  // namespace fairlead::compile
