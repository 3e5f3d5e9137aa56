// AuthorizationPolicies in wire form, written as a user writes the YAML.
#pragma once

#include "userspace-proxy/config/snapshot.pb.h"
#include "userspace-proxy/policy/policy.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::test {

namespace wire = config::wire;
using Texts = std::vector<std::string>;

struct SourceSpec {
  Texts principals = {}, not_principals = {};
  Texts namespaces = {}, not_namespaces = {};
  Texts ip_blocks = {}, not_ip_blocks = {};
  Texts remote_ip_blocks = {}, not_remote_ip_blocks = {};
  Texts service_accounts = {}, not_service_accounts = {};
  Texts request_principals = {}, not_request_principals = {};
};

struct OperationSpec {
  Texts hosts = {}, not_hosts = {};
  Texts ports = {}, not_ports = {};
  Texts methods = {}, not_methods = {};
  Texts paths = {}, not_paths = {};
};

struct ConditionSpec {
  std::string key;
  Texts values = {}, not_values = {};
};

struct RuleSpec {
  std::vector<SourceSpec> from = {};
  std::vector<OperationSpec> to = {};
  std::vector<ConditionSpec> when = {};
};

template <class List>
void assign(List* list, const Texts& texts) {
  list->Assign(texts.begin(), texts.end());
}

inline wire::Source source_wire(const SourceSpec& spec) {
  wire::Source result;
  assign(result.mutable_principals(), spec.principals);
  assign(result.mutable_not_principals(), spec.not_principals);
  assign(result.mutable_namespaces(), spec.namespaces);
  assign(result.mutable_not_namespaces(), spec.not_namespaces);
  assign(result.mutable_ip_blocks(), spec.ip_blocks);
  assign(result.mutable_not_ip_blocks(), spec.not_ip_blocks);
  assign(result.mutable_remote_ip_blocks(), spec.remote_ip_blocks);
  assign(result.mutable_not_remote_ip_blocks(), spec.not_remote_ip_blocks);
  assign(result.mutable_service_accounts(), spec.service_accounts);
  assign(result.mutable_not_service_accounts(), spec.not_service_accounts);
  assign(result.mutable_request_principals(), spec.request_principals);
  assign(result.mutable_not_request_principals(), spec.not_request_principals);
  return result;
}

inline wire::Operation operation_wire(const OperationSpec& spec) {
  wire::Operation result;
  assign(result.mutable_hosts(), spec.hosts);
  assign(result.mutable_not_hosts(), spec.not_hosts);
  assign(result.mutable_ports(), spec.ports);
  assign(result.mutable_not_ports(), spec.not_ports);
  assign(result.mutable_methods(), spec.methods);
  assign(result.mutable_not_methods(), spec.not_methods);
  assign(result.mutable_paths(), spec.paths);
  assign(result.mutable_not_paths(), spec.not_paths);
  return result;
}

inline wire::Condition condition_wire(const ConditionSpec& spec) {
  wire::Condition result;
  result.set_key(spec.key);
  assign(result.mutable_values(), spec.values);
  assign(result.mutable_not_values(), spec.not_values);
  return result;
}

inline wire::Rule rule_wire(const RuleSpec& spec) {
  wire::Rule result;
  for (const SourceSpec& source : spec.from) {
    *result.add_from() = source_wire(source);
  }
  for (const OperationSpec& operation : spec.to) {
    *result.add_to() = operation_wire(operation);
  }
  for (const ConditionSpec& condition : spec.when) {
    *result.add_when() = condition_wire(condition);
  }
  return result;
}

inline wire::Policy policy_wire(wire::Policy::Action action, const std::vector<RuleSpec>& rules) {
  wire::Policy result;
  result.set_name("shop/web");
  result.set_namespace_("shop");
  result.set_action(action);
  for (const RuleSpec& rule : rules) {
    *result.add_rules() = rule_wire(rule);
  }
  return result;
}

inline wire::Policy allow(const std::vector<RuleSpec>& rules) { return policy_wire(wire::Policy::ALLOW, rules); }
inline wire::Policy deny(const std::vector<RuleSpec>& rules) { return policy_wire(wire::Policy::DENY, rules); }
inline wire::Policy dry_run(wire::Policy policy) {
  policy.set_dry_run(true);
  return policy;
}

inline policy::Identity identity(uint32_t id, const std::string& ns, const std::string& account) {
  return {.id = id, .principal = "cluster.local/ns/" + ns + "/sa/" + account, .ns = ns, .service_account = account};
}

// Owns compiled policies, in the order given.
class Policies {
 public:
  explicit Policies(const std::vector<wire::Policy>& wires) {
    for (const wire::Policy& wire : wires) {
      // value() ends the test with the error's text, should one be refused.
      set_.policies.push_back(built_.emplace_back(policy::Policy::build(wire).value()).get());
    }
  }

  [[nodiscard]] policy::Decision decide(const policy::Facts& facts) const { return set_.decide(facts); }
  [[nodiscard]] const policy::PolicySet& set() const { return set_; }
  [[nodiscard]] const policy::Policy& at(size_t i) const { return *built_.at(i); }

 private:
  std::vector<std::unique_ptr<policy::Policy>> built_;
  policy::PolicySet set_;
};

}  // namespace fairlead::test
