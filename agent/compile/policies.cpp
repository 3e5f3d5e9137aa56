#include "agent/compile/policies.h"

#include "agent/compile/names.h"
#include "agent/compile/peer_authentication.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace fairlead::compile {
namespace {

namespace wire = config::wire;
using Action = model::AuthorizationPolicy::Action;
using Texts = std::vector<std::string>;
using WireTexts = google::protobuf::RepeatedPtrField<std::string>;

constexpr std::string_view kKind = "AuthorizationPolicy";

void copy(const Texts& from, WireTexts* to) { to->Assign(from.begin(), from.end()); }

// "sa" means the policy's own namespace.
void copy_accounts(const Texts& from, const std::string& ns, WireTexts* to) {
  for (const std::string& account : from) {
    *to->Add() = account.find('/') == std::string::npos ? fmt::format("{}/{}", ns, account) : account;
  }
}

wire::Source source_to_wire(const model::AuthorizationSource& source, const std::string& ns) {
  wire::Source out;
  copy(source.principals, out.mutable_principals());
  copy(source.not_principals, out.mutable_not_principals());
  copy(source.namespaces, out.mutable_namespaces());
  copy(source.not_namespaces, out.mutable_not_namespaces());
  copy(source.ip_blocks, out.mutable_ip_blocks());
  copy(source.not_ip_blocks, out.mutable_not_ip_blocks());
  copy(source.remote_ip_blocks, out.mutable_remote_ip_blocks());
  copy(source.not_remote_ip_blocks, out.mutable_not_remote_ip_blocks());
  copy_accounts(source.service_accounts, ns, out.mutable_service_accounts());
  copy_accounts(source.not_service_accounts, ns, out.mutable_not_service_accounts());
  copy(source.request_principals, out.mutable_request_principals());
  copy(source.not_request_principals, out.mutable_not_request_principals());
  return out;
}

wire::Operation operation_to_wire(const model::AuthorizationOperation& operation) {
  wire::Operation out;
  copy(operation.hosts, out.mutable_hosts());
  copy(operation.not_hosts, out.mutable_not_hosts());
  copy(operation.ports, out.mutable_ports());
  copy(operation.not_ports, out.mutable_not_ports());
  copy(operation.methods, out.mutable_methods());
  copy(operation.not_methods, out.mutable_not_methods());
  copy(operation.paths, out.mutable_paths());
  copy(operation.not_paths, out.mutable_not_paths());
  return out;
}

wire::Condition condition_to_wire(const model::AuthorizationCondition& condition, const std::string& ns) {
  wire::Condition out;
  out.set_key(condition.key);
  if (condition.key == "source.serviceAccount") {
    copy_accounts(condition.values, ns, out.mutable_values());
    copy_accounts(condition.not_values, ns, out.mutable_not_values());
  } else {
    copy(condition.values, out.mutable_values());
    copy(condition.not_values, out.mutable_not_values());
  }
  return out;
}

bool source_needs_http(const wire::Source& source) {
  return source.request_principals_size() + source.not_request_principals_size() != 0;
}

bool operation_needs_http(const wire::Operation& operation) {
  return operation.hosts_size() + operation.not_hosts_size() + operation.methods_size() + operation.not_methods_size() +
             operation.paths_size() + operation.not_paths_size() !=
         0;
}

bool operation_reaches(const wire::Operation& operation, const std::string& port) {
  const auto names = [&](const WireTexts& ports) { return std::ranges::find(ports, port) != ports.end(); };
  return (operation.ports().empty() || names(operation.ports())) && !names(operation.not_ports());
}

bool rule_selects_http(const wire::Rule& rule, const std::string& port) {
  if (!rule.to().empty() && std::ranges::none_of(rule.to(), [&](const wire::Operation& operation) {
        return operation_reaches(operation, port);
      })) {
    return false;
  }
  return std::ranges::any_of(rule.from(), source_needs_http) ||
         std::ranges::any_of(
             rule.when(), [](const wire::Condition& condition) { return condition.key().starts_with("request."); }) ||
         std::ranges::any_of(rule.to(), [&](const wire::Operation& operation) {
           return operation_needs_http(operation) && operation_reaches(operation, port);
         });
}

// In the root namespace a policy holds in every namespace, with its selector if it has one.
bool applies(const model::AuthorizationPolicy& policy, const model::Pod& pod, const std::string& root) {
  return (policy.meta.ns == root || policy.meta.ns == pod.meta.ns) &&
         (!policy.selector || selects(*policy.selector, pod.meta.labels));
}

// trustDomains, as the condition on all sources of a rule that it is among `when`'s keys.
wire::Condition trust_domains_to_wire(const model::AuthorizationSource& source) {
  wire::Condition out;
  out.set_key("source.trustDomain");
  copy(source.trust_domains, out.mutable_values());
  copy(source.not_trust_domains, out.mutable_not_values());
  return out;
}

bool has_trust_domains(const model::AuthorizationSource& source) {
  return !source.trust_domains.empty() || !source.not_trust_domains.empty();
}

// One rule, or several: sources are alternatives and so are rules, so a source with trust domains can have a rule of
// its own, in which they are a condition.
void add_rules(const model::AuthorizationRule& rule, const std::string& ns, wire::Policy& out) {
  wire::Rule base;
  for (const auto& operation : rule.to) {
    *base.add_to() = operation_to_wire(operation);
  }
  for (const auto& condition : rule.when) {
    *base.add_when() = condition_to_wire(condition, ns);
  }
  wire::Rule plain = base;
  for (const auto& source : rule.from) {
    if (!has_trust_domains(source)) {
      *plain.add_from() = source_to_wire(source, ns);
      continue;
    }
    wire::Rule& own = *out.add_rules();
    own = base;
    *own.add_from() = source_to_wire(source, ns);
    *own.add_when() = trust_domains_to_wire(source);
  }
  if (rule.from.empty() || !plain.from().empty()) {
    *out.add_rules() = std::move(plain);
  }
}

// Whether the policy takes part at all, with what there is to say about it.
bool admit(const model::AuthorizationPolicy& policy, Messages& messages) {
  const Subject subject{kKind, policy.meta};
  if (!policy.target_refs.empty()) {
    const model::TargetRef& ref = policy.target_refs.front();
    messages.add(
        code::kTargetRefs, model::Severity::kWarning, subject,
        fmt::format("targetRefs ({} {}) is for gateways and waypoints, which are not in force yet: no workload "
                    "enforces this policy; write a selector",
                    ref.kind, ref.name));
    return false;
  }
  if (policy.action == Action::kCustom) {
    messages.add(code::kCustomRefused, model::Severity::kWarning, subject,
                 "no external authoriser is asked yet, so what the rules match is refused");
  }
  return policy.action != Action::kAudit;
}

// Collects policies by content, in the order of their first use.
class Collector {
 public:
  explicit Collector(Policies& out) : out_(out) {}

  uint32_t add(const wire::Policy& policy, std::string object) {
    const auto [found, fresh] =
        by_content_.emplace(policy.SerializeAsString(), static_cast<uint32_t>(out_.list.size()));
    if (fresh) {
      out_.list.push_back(policy);
      out_.objects.push_back(std::move(object));
    }
    return found->second;
  }

 private:
  Policies& out_;
  std::map<std::string, uint32_t> by_content_;
};

}  // namespace

wire::Policy to_wire(const model::AuthorizationPolicy& policy) {
  wire::Policy out;
  out.set_name(fmt::format("{}/{}", policy.meta.ns, policy.meta.name));
  out.set_namespace_(policy.meta.ns);
  out.set_action(policy.action == Action::kAllow ? wire::Policy::ALLOW : wire::Policy::DENY);
  out.set_dry_run(policy.dry_run);
  for (const model::AuthorizationRule& rule : policy.rules) {
    add_rules(rule, policy.meta.ns, out);
  }
  return out;
}

bool selects_http(const wire::Policy& policy, uint16_t port) {
  return !policy.dry_run() &&
         std::ranges::any_of(policy.rules(), [text = std::to_string(port)](const wire::Rule& rule) {
           return rule_selects_http(rule, text);
         });
}

Policies compile_policies(const Inputs& inputs, const Registry& registry, Messages& messages) {
  struct Candidate {
    const model::AuthorizationPolicy* policy;
    wire::Policy compiled;
  };
  std::vector<Candidate> candidates;
  for (const model::AuthorizationPolicy* policy : inputs.objects->all<model::AuthorizationPolicy>()) {
    if (admit(*policy, messages)) {
      candidates.push_back({policy, to_wire(*policy)});
    }
  }
  const auto peer_authentications = inputs.objects->all<model::PeerAuthentication>();

  Policies out;
  out.by_pod.resize(registry.pods().size());
  Collector collector(out);
  for (size_t i = 0; i < registry.pods().size(); ++i) {
    const PodEntry& entry = registry.pods()[i];
    if (!entry.meshed()) {
      continue;
    }
    if (auto strict = strict_policy(effective_mode(peer_authentications, *entry.pod, inputs.root_namespace))) {
      out.by_pod[i].push_back(collector.add(*strict, strict->name()));
    }
    for (const Candidate& candidate : candidates) {
      if (applies(*candidate.policy, *entry.pod, inputs.root_namespace)) {
        out.by_pod[i].push_back(
            collector.add(candidate.compiled, fmt::format("{}/{}", kKind, candidate.compiled.name())));
      }
    }
  }
  return out;
}

}  // namespace fairlead::compile
