// Policy::build: from the wire form to conditions. Errors name the field as the AuthorizationPolicy spells it.
#include "userspace-proxy/config/field_path.h"
#include "userspace-proxy/config/snapshot.pb.h"
#include "userspace-proxy/policy/compiled.h"
#include "userspace-proxy/policy/policy.h"

#include <google/protobuf/repeated_field.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>

namespace fairlead::policy {
namespace {

namespace wire = config::wire;
using config::FieldPath;
using Conditions = std::vector<Condition>;
using Texts = google::protobuf::RepeatedPtrField<std::string>;

// One list of a source or operation: its values, what they are about, and its name in the AuthorizationPolicy.
struct Field {
  std::string_view name;
  const Texts& values;
  Condition::Subject subject;
  bool negated;
};

class Compiler {
 public:
  explicit Compiler(const wire::Policy& policy) : policy_(policy) {}

  Result<Rule> rule(const wire::Rule& wire, const FieldPath& path) const {
    Rule rule;
    for (int i = 0; i < wire.from_size(); ++i) {
      const FieldPath from = path.at("from", i);
      auto conditions = source(wire.from(i), from.at("source"));
      if (!conditions) {
        return std::unexpected(conditions.error());
      }
      rule.from.push_back(std::move(*conditions));
    }
    for (int i = 0; i < wire.to_size(); ++i) {
      const FieldPath to = path.at("to", i);
      auto conditions = operation(wire.to(i), to.at("operation"));
      if (!conditions) {
        return std::unexpected(conditions.error());
      }
      rule.to.push_back(std::move(*conditions));
    }
    for (int i = 0; i < wire.when_size(); ++i) {
      auto conditions = when(wire.when(i), path.at("when", i));
      if (!conditions) {
        return std::unexpected(conditions.error());
      }
      std::ranges::move(*conditions, std::back_inserter(rule.when));
    }
    return rule;
  }

 private:
  Result<Conditions> source(const wire::Source& wire, const FieldPath& path) const {
    using enum Attribute;
    const Field fields[] = {
        {"principals", wire.principals(), {kPrincipal}, false},
        {"notPrincipals", wire.not_principals(), {kPrincipal}, true},
        {"namespaces", wire.namespaces(), {kNamespace}, false},
        {"notNamespaces", wire.not_namespaces(), {kNamespace}, true},
        {"serviceAccounts", wire.service_accounts(), {kServiceAccount}, false},
        {"notServiceAccounts", wire.not_service_accounts(), {kServiceAccount}, true},
        {"ipBlocks", wire.ip_blocks(), {kSourceIp}, false},
        {"notIpBlocks", wire.not_ip_blocks(), {kSourceIp}, true},
        {"remoteIpBlocks", wire.remote_ip_blocks(), {kRemoteIp}, false},
        {"notRemoteIpBlocks", wire.not_remote_ip_blocks(), {kRemoteIp}, true},
        {"requestPrincipals", wire.request_principals(), {kRequestAuth}, false},
        {"notRequestPrincipals", wire.not_request_principals(), {kRequestAuth}, true},
    };
    return conditions(fields, path);
  }

  Result<Conditions> operation(const wire::Operation& wire, const FieldPath& path) const {
    using enum Attribute;
    const Field fields[] = {
        {"ports", wire.ports(), {kDestinationPort}, false},
        {"notPorts", wire.not_ports(), {kDestinationPort}, true},
        {"methods", wire.methods(), {kMethod}, false},
        {"notMethods", wire.not_methods(), {kMethod}, true},
        {"hosts", wire.hosts(), {kHost}, false},
        {"notHosts", wire.not_hosts(), {kHost}, true},
        {"paths", wire.paths(), {kPath}, false},
        {"notPaths", wire.not_paths(), {kPath}, true},
    };
    return conditions(fields, path);
  }

  Result<Conditions> when(const wire::Condition& wire, const FieldPath& path) const {
    auto subject = Condition::subject_of(wire.key());
    if (!subject) {
      return path.at("key").fail(subject.error().message());
    }
    if (wire.values().empty() && wire.not_values().empty()) {
      return path.fail("neither values nor notValues");
    }
    const Field fields[] = {{"values", wire.values(), *subject, false},
                            {"notValues", wire.not_values(), *subject, true}};
    return conditions(fields, path);
  }

  Result<Conditions> conditions(std::span<const Field> fields, const FieldPath& path) const {
    Conditions result;
    for (const Field& field : fields) {
      if (field.values.empty()) {
        continue;
      }
      Condition condition(field.subject, field.negated);
      for (int i = 0; i < field.values.size(); ++i) {
        if (Status added = condition.add(field.values[i], policy_.namespace_()); !added) {
          return path.at(field.name, i).fail(added.error().message());
        }
      }
      result.push_back(std::move(condition));
    }
    return result;
  }

  const wire::Policy& policy_;
};

void note_needs(Rule& rule) {
  const auto note = [&rule](const Conditions& conditions) {
    for (const Condition& condition : conditions) {
      rule.needs_http |= condition.needs_http();
      rule.is_judged &= condition.is_judged();
    }
  };
  std::ranges::for_each(rule.from, note);
  std::ranges::for_each(rule.to, note);
  note(rule.when);
}

}  // namespace

Result<std::unique_ptr<Policy>> Policy::build(const config::wire::Policy& wire) {
  std::unique_ptr<Policy> policy(new Policy);
  policy->name_ = wire.name();
  policy->dry_run_ = wire.dry_run();
  policy->compiled_ = std::make_unique<Compiled>();
  const FieldPath root;
  switch (wire.action()) {
    case wire::Policy::ALLOW:
      policy->action_ = Action::kAllow;
      break;
    case wire::Policy::DENY:
      policy->action_ = Action::kDeny;
      break;
    default:
      return root.at("action").fail("neither ALLOW nor DENY");
  }
  const Compiler compiler(wire);
  for (int i = 0; i < wire.rules_size(); ++i) {
    auto rule = compiler.rule(wire.rules(i), root.at("rules", i));
    if (!rule) {
      return std::unexpected(rule.error());
    }
    note_needs(*rule);
    policy->needs_http_ |= rule->needs_http;
    policy->compiled_->rules.push_back(std::move(*rule));
  }
  return policy;
}

}  // namespace fairlead::policy
