// AuthorizationPolicy (security.istio.io): who may send what to a workload.
#include "agent/model/authorization_rule.h"
#include "agent/model/loaders.h"
#include "agent/model/metadata.h"
#include "agent/model/value_text.h"

#include <fmt/format.h>

namespace fairlead::model {

namespace {

using Action = AuthorizationPolicy::Action;

constexpr size_t kMaxTargets = 16;

TargetRef read_target(const Cursor& at) {
  Fields fields(at);
  TargetRef target;
  target.group = fields["group"].string();
  target.kind = fields.required("kind").string();
  target.name = fields.required("name").string(not_empty);
  if (!fields["namespace"].string().empty()) {
    at.error("a target in another namespace is not supported; remove `namespace`");
  }
  const bool core = (target.group.empty() || target.group == "core") && target.kind == "Service";
  const bool istio = target.group == "networking.istio.io" && target.kind == "ServiceEntry";
  const bool gateway =
      target.group == "gateway.networking.k8s.io" && (target.kind == "Gateway" || target.kind == "GatewayClass");
  if (!core && !istio && !gateway) {
    at.error(fmt::format("{}/{} is no target; write a Service, ServiceEntry, Gateway or GatewayClass with its group",
                         target.group, target.kind));
  }
  return target;
}

void read_targets(Fields& spec, AuthorizationPolicy& policy) {
  const Cursor one = spec["targetRef"];
  const Cursor list = spec["targetRefs"];
  const Cursor selector = spec["selector"];
  policy.selector = read_workload_selector(selector);
  if (one) {
    policy.target_refs.push_back(read_target(one));
  }
  for (const Cursor& item : list.items()) {
    policy.target_refs.push_back(read_target(item));
  }
  if (policy.target_refs.size() > kMaxTargets) {
    list.error(fmt::format("has more than {} targets", kMaxTargets));
  }
  spec.at_most_one({"selector", "targetRef", "targetRefs"});
}

void read_dry_run(const Cursor& metadata, AuthorizationPolicy& policy) {
  const auto annotation = policy.meta.annotations.find(kDryRun);
  if (annotation == policy.meta.annotations.end()) {
    return;
  }
  const auto value = parse_go_bool(annotation->second);
  if (policy.action != Action::kAllow && policy.action != Action::kDeny) {
    metadata.error(fmt::format("the annotation {} is for the actions ALLOW and DENY only; remove it", kDryRun));
  } else if (!value) {
    metadata.error(
        fmt::format("the annotation {} is {}; write \"true\" or \"false\"", kDryRun, in_quotes(annotation->second)));
  }
  policy.dry_run = value.value_or(false);
}

void check_action(Fields& spec, const AuthorizationPolicy& policy, const Cursor& provider) {
  if (policy.rules.empty() && (policy.action == Action::kDeny || policy.action == Action::kCustom)) {
    spec.error("without rules this action never happens; write `rules: [{}]` if it is meant for every request");
  }
  if (policy.action == Action::kCustom && policy.provider.empty()) {
    spec.error("the action CUSTOM needs provider.name");
  }
  if (policy.action != Action::kCustom && provider) {
    provider.error("is for the action CUSTOM only; remove it");
  }
}

}  // namespace

Object load_authorization_policy(Metadata meta, Fields& object) {
  const Cursor metadata = object["metadata"];
  check_istio_annotations(metadata, meta, DryRun::kAllow);
  AuthorizationPolicy policy;
  policy.meta = std::move(meta);
  Fields spec(object["spec"]);
  read_targets(spec, policy);
  policy.action = spec["action"].one_of<Action>(
      {{"ALLOW", Action::kAllow}, {"DENY", Action::kDeny}, {"AUDIT", Action::kAudit}, {"CUSTOM", Action::kCustom}},
      Action::kAllow);
  const Cursor provider = spec["provider"];
  Fields provider_fields(provider);
  policy.provider = provider_fields["name"].string();
  policy.rules = read_authorization_rules(spec["rules"], policy.action);
  check_action(spec, policy, provider);
  read_dry_run(metadata, policy);
  object.skip({"status"});
  return policy;
}

}  // namespace fairlead::model
