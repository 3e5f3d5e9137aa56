#include "agent/model/authorization_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace fairlead::model {

namespace {

constexpr size_t kMaxRules = 512;
constexpr size_t kMaxServiceAccounts = 16;
constexpr size_t kMaxServiceAccount = 320;

bool has_slash(std::string_view text) { return text.find('/') != std::string_view::npos; }

// "NAMESPACE/NAME", or "NAME" in the policy's namespace.
Problem service_account(std::string_view text) {
  const size_t slash = text.find('/');
  const bool parts = slash == std::string_view::npos ? !text.empty() : slash > 0 && slash + 1 < text.size();
  const bool one_slash = slash == text.rfind('/');
  if (!parts || !one_slash || text.find('*') != std::string_view::npos || text.size() > kMaxServiceAccount) {
    return fmt::format("{} is not a service account: write NAME or NAMESPACE/NAME, without wildcards", in_quotes(text));
  }
  return std::nullopt;
}

// Exact, "a*", "*a" or "*".
Problem wildcard(std::string_view text) {
  const auto stars = std::ranges::count(text, '*');
  if (text.empty() || stars > 1 || (stars == 1 && !text.starts_with('*') && !text.ends_with('*'))) {
    return fmt::format("{} may have one '*', at its begin or its end", in_quotes(text));
  }
  return std::nullopt;
}

Problem trust_domain(std::string_view text) {
  if (has_slash(text)) {
    return fmt::format("{} is not a trust domain: it may not have a '/'", in_quotes(text));
  }
  return wildcard(text);
}

Problem port_number(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fmt::format("{} is not a port; write a number up to 65535 in quotes, without wildcards", in_quotes(text));
  }
  return std::nullopt;
}

// Letters and marks of a path segment (RFC 3986, pchar) beside templates; '*' is not among them.
bool is_path_literal(std::string_view text) {
  static constexpr std::string_view kMarks = "-._~%!$&'()+,;:@=";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.contains(c);
  });
}

// "{*}" stands for one segment, "{**}" for the rest: it must be the last template.
Problem path_template(std::string_view text) {
  static constexpr std::string_view kOne = "{*}";
  static constexpr std::string_view kRest = "{**}";
  if (text.empty()) {
    return "may not be empty";
  }
  const bool has_template = text.find(kOne) != std::string_view::npos || text.find(kRest) != std::string_view::npos;
  std::string_view rest = text;
  while (rest.starts_with('/')) {
    rest.remove_prefix(1);
  }
  while (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  bool ended = false;
  while (true) {
    const size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment == kOne || segment == kRest) {
      if (ended) {
        return fmt::format("{} has a template after {{**}}, which must be the last one", in_quotes(text));
      }
      ended = segment == kRest;
    } else if (segment.find_first_of("{}") != std::string_view::npos) {
      return fmt::format("{} has braces that are not {{*}} or {{**}} as a whole segment", in_quotes(text));
    } else if (has_template && !is_path_literal(segment)) {
      return fmt::format("{} has the segment {}, which may not stand beside a template", in_quotes(text),
                         in_quotes(segment));
    }
    if (slash == std::string_view::npos) {
      return std::nullopt;
    }
    rest.remove_prefix(slash + 1);
  }
}

// What a condition's values must look like.
struct Condition {
  std::string_view key;
  enum class Form : uint8_t { kWhole, kIndexed } form;
  Check values;
};

constexpr Condition kConditions[] = {
    {"request.headers", Condition::Form::kIndexed, not_empty},
    {"source.ip", Condition::Form::kWhole, ip_block},
    {"remote.ip", Condition::Form::kWhole, ip_block},
    {"source.namespace", Condition::Form::kWhole, not_empty},
    {"source.serviceAccount", Condition::Form::kWhole, service_account},
    {"source.principal", Condition::Form::kWhole, not_empty},
    {"source.trustDomain", Condition::Form::kWhole, wildcard},
    {"request.auth.principal", Condition::Form::kWhole, not_empty},
    {"request.auth.audiences", Condition::Form::kWhole, not_empty},
    {"request.auth.presenter", Condition::Form::kWhole, not_empty},
    {"request.auth.claims", Condition::Form::kIndexed, not_empty},
    {"destination.ip", Condition::Form::kWhole, ip_block},
    {"destination.port", Condition::Form::kWhole, port_number},
    {"connection.sni", Condition::Form::kWhole, not_empty},
    {"experimental.envoy.filters.", Condition::Form::kIndexed, not_empty},
};

const Condition* find_condition(std::string_view key) {
  for (const Condition& condition : kConditions) {
    const bool whole = condition.form == Condition::Form::kWhole;
    if (whole ? key == condition.key : key.starts_with(condition.key)) {
      return &condition;
    }
  }
  return nullptr;
}

// "a[b]"
bool is_indexed(std::string_view key) {
  const size_t open = key.find('[');
  return key.ends_with(']') && open != std::string_view::npos && open > 0 && open + 2 < key.size();
}

std::string unknown_condition(std::string_view key) {
  if (key == "destination.namespace") {
    return "destination.namespace is gone; the policy's own namespace takes its place";
  }
  if (key.starts_with("destination.labels")) {
    return "destination.labels is gone; use the policy's selector";
  }
  return fmt::format("{} is not an attribute that a condition can test", in_quotes(key));
}

AuthorizationSource read_source(const Cursor& at) {
  Fields fields(at);
  AuthorizationSource source;
  source.principals = fields["principals"].strings(not_empty);
  source.not_principals = fields["notPrincipals"].strings(not_empty);
  source.request_principals = fields["requestPrincipals"].strings(not_empty);
  source.not_request_principals = fields["notRequestPrincipals"].strings(not_empty);
  source.namespaces = fields["namespaces"].strings(not_empty);
  source.not_namespaces = fields["notNamespaces"].strings(not_empty);
  source.ip_blocks = fields["ipBlocks"].strings(ip_block);
  source.not_ip_blocks = fields["notIpBlocks"].strings(ip_block);
  source.remote_ip_blocks = fields["remoteIpBlocks"].strings(ip_block);
  source.not_remote_ip_blocks = fields["notRemoteIpBlocks"].strings(ip_block);
  source.service_accounts = fields["serviceAccounts"].strings(service_account);
  source.not_service_accounts = fields["notServiceAccounts"].strings(service_account);
  source.trust_domains = fields["trustDomains"].strings(trust_domain);
  source.not_trust_domains = fields["notTrustDomains"].strings(trust_domain);

  const bool accounts = !source.service_accounts.empty() || !source.not_service_accounts.empty();
  const bool names = !source.principals.empty() || !source.not_principals.empty() || !source.namespaces.empty() ||
                     !source.not_namespaces.empty();
  if (accounts && names) {
    at.error("serviceAccounts cannot stand beside namespaces or principals; use two rules");
  }
  if (source.service_accounts.size() > kMaxServiceAccounts ||
      source.not_service_accounts.size() > kMaxServiceAccounts) {
    at.error(fmt::format("has more than {} service accounts", kMaxServiceAccounts));
  }
  if (source == AuthorizationSource{}) {
    at.error("names no source; write at least one field, or leave `from` out to mean every source");
  }
  return source;
}

AuthorizationOperation read_operation(const Cursor& at) {
  Fields fields(at);
  AuthorizationOperation operation;
  operation.hosts = fields["hosts"].strings(not_empty);
  operation.not_hosts = fields["notHosts"].strings(not_empty);
  operation.ports = fields["ports"].strings(port_number);
  operation.not_ports = fields["notPorts"].strings(port_number);
  operation.methods = fields["methods"].strings(not_empty);
  operation.not_methods = fields["notMethods"].strings(not_empty);
  operation.paths = fields["paths"].strings(path_template);
  operation.not_paths = fields["notPaths"].strings(path_template);
  if (operation == AuthorizationOperation{}) {
    at.error("names no operation; write at least one field, or leave `to` out to mean every operation");
  }
  return operation;
}

AuthorizationCondition read_condition(const Cursor& at) {
  Fields fields(at);
  AuthorizationCondition condition;
  const Cursor key = fields.required("key");
  condition.key = key.string(not_empty);
  const Condition* known = find_condition(condition.key);
  if (known == nullptr && !condition.key.empty()) {
    key.error(unknown_condition(condition.key));
  } else if (known != nullptr && known->form == Condition::Form::kIndexed && !is_indexed(condition.key)) {
    key.error(fmt::format("{} needs a name in brackets, such as {}[NAME]", in_quotes(condition.key), known->key));
  }
  const Check check = known == nullptr ? nullptr : known->values;
  condition.values = fields["values"].strings(check);
  condition.not_values = fields["notValues"].strings(check);
  if (condition.values.empty() && condition.not_values.empty()) {
    at.error("needs values or notValues");
  }
  return condition;
}

// The external authorizer is asked before identity and tokens are at hand (Istio's own limit).
void check_custom(const Cursor& at, const AuthorizationRule& rule) {
  for (const AuthorizationSource& source : rule.from) {
    AuthorizationSource addresses;
    addresses.ip_blocks = source.ip_blocks;
    addresses.not_ip_blocks = source.not_ip_blocks;
    addresses.remote_ip_blocks = source.remote_ip_blocks;
    addresses.not_remote_ip_blocks = source.not_remote_ip_blocks;
    if (source != addresses) {
      at.error("the action CUSTOM takes only ipBlocks and remoteIpBlocks in a source");
    }
  }
  for (const AuthorizationCondition& condition : rule.when) {
    if (condition.key == "source.namespace" || condition.key == "source.serviceAccount" ||
        condition.key == "source.trustDomain" || condition.key == "source.principal" ||
        condition.key.starts_with("request.auth.")) {
      at.error(fmt::format("the action CUSTOM cannot test {}", condition.key));
    }
  }
}

bool is_tcp_source(const AuthorizationSource& source) {
  AuthorizationSource http;
  http.request_principals = source.request_principals;
  http.not_request_principals = source.not_request_principals;
  http.trust_domains = source.trust_domains;
  http.not_trust_domains = source.not_trust_domains;
  return source != http;
}

// On a TCP port a DENY rule loses its HTTP conditions: one that has only such denies everything there.
void warn_of_tcp(const Cursor& at, const AuthorizationRule& rule) {
  const bool tcp_from = std::ranges::any_of(rule.from, is_tcp_source);
  const bool tcp_to = std::ranges::any_of(
      rule.to, [](const AuthorizationOperation& to) { return !to.ports.empty() || !to.not_ports.empty(); });
  if ((!rule.from.empty() && rule.to.empty() && !tcp_from) || (!rule.to.empty() && !tcp_to)) {
    at.warn("denies everything on TCP ports, where its HTTP attributes do not exist; name the ports that it is for");
  }
}

AuthorizationRule read_rule(const Cursor& at) {
  Fields fields(at);
  AuthorizationRule rule;
  const Cursor from = fields["from"];
  for (const Cursor& item : from.items()) {
    Fields source(item);
    rule.from.push_back(read_source(source.required("source")));
  }
  const Cursor to = fields["to"];
  for (const Cursor& item : to.items()) {
    Fields operation(item);
    rule.to.push_back(read_operation(operation.required("operation")));
  }
  for (const Cursor& item : fields["when"].items()) {
    rule.when.push_back(read_condition(item));
  }
  if ((from && rule.from.empty()) || (to && rule.to.empty())) {
    at.error("`from` and `to` may not be empty lists; leave them out to mean everything");
  }
  if (rule.from.size() > kMaxRules) {
    from.error(fmt::format("has more than {} items", kMaxRules));
  }
  return rule;
}

}  // namespace

std::vector<AuthorizationRule> read_authorization_rules(const Cursor& at, AuthorizationPolicy::Action action) {
  std::vector<AuthorizationRule> rules;
  for (const Cursor& item : at.items()) {
    rules.push_back(read_rule(item));
    if (action == AuthorizationPolicy::Action::kCustom) {
      check_custom(item, rules.back());
    }
    if (action == AuthorizationPolicy::Action::kDeny) {
      warn_of_tcp(item, rules.back());
    }
  }
  if (rules.size() > kMaxRules) {
    at.error(fmt::format("has more than {} rules", kMaxRules));
  }
  return rules;
}

}  // namespace fairlead::model
