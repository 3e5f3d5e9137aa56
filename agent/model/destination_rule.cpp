// DestinationRule (networking.istio.io): the subsets of a host, and how to call it.
#include "agent/model/loaders.h"
#include "agent/model/metadata.h"
#include "agent/model/traffic_policy.h"

#include <fmt/format.h>

#include <set>

namespace fairlead::model {

namespace {

std::vector<Subset> read_subsets(const Cursor& at) {
  std::vector<Subset> subsets;
  std::set<std::string> names;
  for (const Cursor& item : at.items()) {
    Fields fields(item);
    Subset subset;
    const Cursor name = fields.required("name");
    subset.name = name.string(dns_label);
    subset.labels = read_labels(fields["labels"]);
    subset.load_balancer = read_traffic_policy(fields["trafficPolicy"]).load_balancer;
    if (!subset.name.empty() && !names.insert(subset.name).second) {
      name.error(fmt::format("the subset {} is here twice", in_quotes(subset.name)));
    }
    subsets.push_back(std::move(subset));
  }
  return subsets;
}

// A rule for some clients only must stay in its own namespace.
void check_selector_scope(const Cursor& at, const DestinationRule& rule, const Metadata& meta) {
  for (const std::string& name : rule.export_to) {
    if (rule.workload_selector && name != "." && name != meta.ns) {
      at.error("a rule with a workloadSelector holds in its own namespace only; write [\".\"], or remove exportTo");
      return;
    }
  }
}

}  // namespace

Object load_destination_rule(Metadata meta, Fields& object) {
  check_istio_annotations(object["metadata"], meta, DryRun::kRefuse);
  DestinationRule rule;
  Fields spec(object.required("spec"));
  rule.host = spec.required("host").string(wildcard_domain);
  const TrafficPolicy policy = read_traffic_policy(spec["trafficPolicy"]);
  rule.connect_timeout = policy.connect_timeout;
  rule.load_balancer = policy.load_balancer;
  rule.subsets = read_subsets(spec["subsets"]);
  const Cursor export_to = spec["exportTo"];
  rule.export_to = read_export_to(export_to, meta);
  rule.workload_selector = read_workload_selector(spec["workloadSelector"]);
  check_selector_scope(export_to, rule, meta);
  object.skip({"status"});
  rule.meta = std::move(meta);
  return rule;
}

}  // namespace fairlead::model
