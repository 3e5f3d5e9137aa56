#include "agent/model/metadata.h"

#include <fmt/format.h>

#include <set>

namespace fairlead::model {

namespace {

constexpr size_t kMaxSelectorValue = 63;

}  // namespace

Labels read_labels(const Cursor& at) {
  Labels labels;
  for (const auto& [name, value] : at.entries()) {
    if (Problem problem = label_key(name)) {
      value.error(std::move(*problem));
    }
    labels.emplace(name, value.string(label_value));
  }
  return labels;
}

LabelSelector read_label_selector(const Cursor& at) {
  using Operator = LabelRequirement::Operator;
  LabelSelector selector;
  Fields fields(at);
  selector.match_labels = read_labels(fields["matchLabels"]);
  for (const Cursor& item : fields["matchExpressions"].items()) {
    Fields expression(item);
    LabelRequirement requirement;
    requirement.key = expression.required("key").string(label_key);
    requirement.op = expression.required("operator")
                         .one_of<Operator>({{"In", Operator::kIn},
                                            {"NotIn", Operator::kNotIn},
                                            {"Exists", Operator::kExists},
                                            {"DoesNotExist", Operator::kDoesNotExist}},
                                           Operator::kExists);
    requirement.values = expression["values"].strings(label_value);
    const bool takes_values = requirement.op == Operator::kIn || requirement.op == Operator::kNotIn;
    if (takes_values == requirement.values.empty()) {
      item.error(takes_values ? "In and NotIn need values" : "Exists and DoesNotExist take no values; remove them");
    }
    selector.match_expressions.push_back(std::move(requirement));
  }
  return selector;
}

Metadata read_metadata(const Cursor& at, Scope scope) {
  Metadata meta;
  Fields fields(at);
  meta.name = fields.required("name").string(object_name);
  meta.ns = fields["namespace"].string();
  if (scope == Scope::kCluster) {
    meta.ns.clear();
  } else if (meta.ns.empty()) {
    meta.ns = "default";
  } else if (Problem problem = lower_dns_label(meta.ns)) {
    fields.error("namespace " + *problem);
  }
  meta.labels = read_labels(fields["labels"]);
  for (const auto& [name, value] : fields["annotations"].entries()) {
    if (Problem problem = label_key(name)) {
      value.error(std::move(*problem));
    }
    meta.annotations.emplace(name, value.string());
  }
  if (const Cursor created = fields["creationTimestamp"]) {
    meta.creation_timestamp = created.node()->text;
  }
  meta.uid = fields["uid"].string();
  fields.skip({"clusterName", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
               "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink"});
  return meta;
}

std::optional<Labels> read_workload_selector(const Cursor& at) {
  if (!at) {
    return std::nullopt;
  }
  Labels labels;
  Fields fields(at);
  for (const auto& [name, value] : fields["matchLabels"].entries()) {
    std::string text = value.string();
    if (name.empty()) {
      value.error("a label's name may not be empty");
    }
    if (name.find('*') != std::string_view::npos || text.find('*') != std::string::npos) {
      value.error("a selector takes no wildcard; write the whole label");
    }
    if (text.size() > kMaxSelectorValue) {
      value.error(fmt::format("is longer than {} characters", kMaxSelectorValue));
    }
    labels.emplace(name, std::move(text));
  }
  if (labels.empty()) {
    at.warn("the selector has no labels, so it selects the whole namespace; write matchLabels, or remove it");
  }
  return labels;
}

std::vector<std::string> read_export_to(const Cursor& at, const Metadata& meta) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const Cursor& item : at.items()) {
    std::string name = item.string();
    if (name == "~") {
      item.error("\"~\" is for ServiceEntry only; write \".\" for this namespace");
    } else if (name != "." && name != "*" && dns_label(name)) {
      item.error(fmt::format("{} is neither \".\", \"*\" nor a namespace", in_quotes(name)));
    } else if (!seen.insert(name == "." ? meta.ns : name).second) {
      item.error(fmt::format("{} is here twice", in_quotes(name)));
    }
    names.push_back(std::move(name));
  }
  if (names.size() > 1 && seen.contains("*")) {
    at.error("\"*\" means every namespace; write it alone");
  }
  return names;
}

void check_istio_annotations(const Cursor& at, const Metadata& meta, DryRun dry_run) {
  static constexpr std::string_view kForbidden[] = {"internal.istio.io/webhook-always-reject",
                                                    "internal.istio.io/parent-namespace", "internal.istio.io/parents"};
  for (const std::string_view name : kForbidden) {
    if (meta.annotations.contains(name)) {
      at.error(fmt::format("the annotation {} is Istio's own; remove it", name));
    }
  }
  if (dry_run == DryRun::kRefuse && meta.annotations.contains(kDryRun)) {
    at.error(fmt::format("the annotation {} is for AuthorizationPolicy only; remove it", kDryRun));
  }
}

}  // namespace fairlead::model
