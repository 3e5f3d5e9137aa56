#include "agent/compile/destination_rules.h"

#include "agent/compile/names.h"

#include <algorithm>

namespace fairlead::compile {

const model::Subset* DestinationSettings::subset(std::string_view name) const {
  const auto found =
      std::ranges::find_if(subsets, [&](const model::Subset* candidate) { return candidate->name == name; });
  return found != subsets.end() ? *found : nullptr;
}

DestinationRules::DestinationRules(const Inputs& inputs) : root_namespace_(inputs.root_namespace) {
  for (const model::DestinationRule* rule : inputs.objects->all<model::DestinationRule>()) {
    // For some clients of a namespace only: a snapshot tells namespaces apart, not pods. The loader says so.
    if (rule->workload_selector) {
      continue;
    }
    rules_.push_back({rule, expand_host(rule->host, rule->meta.ns, inputs.cluster_domain)});
  }
  std::ranges::sort(rules_, [](const Rule& a, const Rule& b) { return older(a.object->meta, b.object->meta); });
}

std::optional<DestinationSettings> DestinationRules::of_namespace(std::string_view ns, std::string_view host,
                                                                  std::string_view client) const {
  const auto seen = [&](const Rule& rule) {
    // What the client's own namespace has, it sees, whatever exportTo says of others.
    return rule.object->meta.ns == ns && covers(rule.host, host) &&
           (client == ns || visibility(rule.object->export_to, ns, client) != Visibility::kNone);
  };
  const Rule* best = nullptr;
  for (const Rule& rule : rules_) {
    if (seen(rule) && (best == nullptr || specificity(rule.host) > specificity(best->host))) {
      best = &rule;
    }
  }
  if (best == nullptr) {
    return std::nullopt;
  }
  DestinationSettings settings;
  for (const Rule& rule : rules_) {
    if (rule.host != best->host || !seen(rule)) {
      continue;
    }
    for (const model::Subset& subset : rule.object->subsets) {
      if (settings.subset(subset.name) == nullptr) {
        settings.subsets.push_back(&subset);
      }
    }
    if (settings.connect_timeout.count() == 0) {
      settings.connect_timeout = rule.object->connect_timeout;
    }
    if (!settings.load_balancer) {
      settings.load_balancer = rule.object->load_balancer;
    }
  }
  return settings;
}

DestinationSettings DestinationRules::find(std::string_view host, std::string_view service_ns,
                                           std::string_view client) const {
  if (!client.empty()) {
    if (auto settings = of_namespace(client, host, client)) {
      return *std::move(settings);
    }
  }
  if (auto settings = of_namespace(service_ns, host, client)) {
    return *std::move(settings);
  }
  if (auto settings = of_namespace(root_namespace_, host, client)) {
    return *std::move(settings);
  }
  return {};
}

std::vector<std::string> DestinationRules::client_namespaces(std::string_view host) const {
  std::vector<std::string> names;
  for (const Rule& rule : rules_) {
    if (covers(rule.host, host)) {
      names.push_back(rule.object->meta.ns);
      for (std::string& name : named_namespaces(rule.object->export_to, rule.object->meta.ns)) {
        names.push_back(std::move(name));
      }
    }
  }
  return names;
}

}  // namespace fairlead::compile
