#include "tests/unit/policy/reference.h"

#include "userspace-proxy/http/h1.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <regex>
#include <string>

namespace fairlead::test {
namespace {

using config::wire::Condition;
using config::wire::Operation;
using config::wire::Rule;
using config::wire::Source;
using policy::Facts;
using Values = google::protobuf::RepeatedPtrField<std::string>;
using Fits = std::function<bool(const std::string& value)>;

// What becomes of a condition: it holds, it doesn't, or the connection has no such attribute at all.
enum class Outcome { kYes, kNo, kUnknowable };

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool glob(const std::string& pattern, const std::string& text) {
  if (pattern == "*") {
    return !text.empty();
  }
  const std::string rest = pattern.substr(0, 1) == "*" ? pattern.substr(1) : pattern.substr(0, pattern.size() - 1);
  if (pattern.front() == '*') {
    return text.size() >= rest.size() && text.substr(text.size() - rest.size()) == rest;
  }
  if (pattern.back() == '*') {
    return text.substr(0, rest.size()) == rest;
  }
  return text == pattern;
}

bool path_fits(const std::string& pattern, const std::string& path) {
  if (pattern.find("{*}") == std::string::npos && pattern.find("{**}") == std::string::npos) {
    return glob(pattern, path);
  }
  std::string expression = std::regex_replace(pattern, std::regex("\\."), "\\.");
  expression = std::regex_replace(expression, std::regex("\\{\\*\\*\\}"), ".*");
  expression = std::regex_replace(expression, std::regex("\\{\\*\\}"), "[^/]+");
  return std::regex_match(path, std::regex(expression));
}

bool namespace_fits(const std::string& pattern, const std::string& ns) {
  return std::regex_match(ns, std::regex(std::regex_replace(pattern, std::regex("\\*"), ".*")));
}

bool block_fits(const std::string& block, const IpAddress& ip) { return Cidr::parse(block)->contains(ip); }

Outcome judge(const Values& values, const Values& not_values, bool knowable, const Fits& fits) {
  if (values.empty() && not_values.empty()) {
    return Outcome::kYes;
  }
  if (!knowable) {
    return Outcome::kUnknowable;
  }
  const bool positive = values.empty() || std::any_of(values.begin(), values.end(), fits);
  const bool negative = std::any_of(not_values.begin(), not_values.end(), fits);
  return positive && !negative ? Outcome::kYes : Outcome::kNo;
}

std::optional<std::string> header(const Facts& facts, const std::string& name) {
  std::optional<std::string> result;
  for (const http::Field& field : facts.http->fields) {
    if (lower(std::string(field.name)) == lower(name)) {
      result = result ? *result + "," + std::string(field.value) : std::string(field.value);
    }
  }
  return result;
}

class Reference {
 public:
  Reference(const config::wire::Policy& policy, const Facts& facts) : policy_(policy), facts_(facts) {}

  bool matches() const {
    return std::any_of(policy_.rules().begin(), policy_.rules().end(), [this](const Rule& rule) { return fits(rule); });
  }

 private:
  bool fits(const Rule& rule) const {
    std::vector<std::vector<Outcome>> from, to;
    std::vector<Outcome> when;
    for (const Source& source : rule.from()) {
      from.push_back(outcomes(source));
    }
    for (const Operation& operation : rule.to()) {
      to.push_back(outcomes(operation));
    }
    for (const Condition& condition : rule.when()) {
      when.push_back(outcome(condition));
    }
    const auto unknowable = [](const std::vector<Outcome>& all) {
      return std::ranges::count(all, Outcome::kUnknowable);
    };
    if (policy_.action() == config::wire::Policy::ALLOW &&
        (std::ranges::any_of(from, unknowable) || std::ranges::any_of(to, unknowable) || unknowable(when))) {
      return false;
    }
    const auto all = [](const std::vector<Outcome>& each) { return std::ranges::count(each, Outcome::kNo) == 0; };
    return (from.empty() || std::ranges::any_of(from, all)) && (to.empty() || std::ranges::any_of(to, all)) &&
           all(when);
  }

  std::vector<Outcome> outcomes(const Source& s) const {
    return {
        judge(s.principals(), s.not_principals(), true, [this](const auto& v) { return principal_fits(v); }),
        judge(s.namespaces(), s.not_namespaces(), true,
              [this](const auto& v) { return known() && namespace_fits(v, facts_.source->ns); }),
        judge(s.service_accounts(), s.not_service_accounts(), true, [this](const auto& v) { return account_fits(v); }),
        judge(s.ip_blocks(), s.not_ip_blocks(), true,
              [this](const auto& v) { return block_fits(v, facts_.source_ip); }),
        judge(s.remote_ip_blocks(), s.not_remote_ip_blocks(), true,
              [this](const auto& v) { return block_fits(v, facts_.remote_ip); }),
        judge(s.request_principals(), s.not_request_principals(), false, {}),
    };
  }

  std::vector<Outcome> outcomes(const Operation& o) const {
    const bool http = facts_.http != nullptr;
    return {
        judge(o.ports(), o.not_ports(), true,
              [this](const auto& v) { return v == std::to_string(facts_.destination_port); }),
        judge(o.hosts(), o.not_hosts(), http,
              [this](const auto& v) { return glob(lower(v), lower(std::string(facts_.http->authority))); }),
        judge(o.methods(), o.not_methods(), http,
              [this](const auto& v) { return glob(v, std::string(facts_.http->method)); }),
        judge(o.paths(), o.not_paths(), http,
              [this](const auto& v) { return path_fits(v, std::string(facts_.http->path)); }),
    };
  }

  Outcome outcome(const Condition& c) const {
    bool knowable = true;
    Fits fits;
    if (c.key() == "source.ip") {
      fits = [this](const auto& v) { return block_fits(v, facts_.source_ip); };
    } else if (c.key() == "remote.ip") {
      fits = [this](const auto& v) { return block_fits(v, facts_.remote_ip); };
    } else if (c.key() == "destination.port") {
      fits = [this](const auto& v) { return v == std::to_string(facts_.destination_port); };
    } else if (c.key() == "source.principal") {
      fits = [this](const auto& v) { return principal_fits(v); };
    } else if (c.key().starts_with("request.headers[")) {
      knowable = facts_.http != nullptr;
      fits = [this, name = c.key().substr(16, c.key().size() - 17)](const auto& v) {
        const auto value = header(facts_, name);
        return value && (v == "*" || glob(v, *value));
      };
    } else {
      knowable = false;
    }
    return judge(c.values(), c.not_values(), knowable, fits);
  }

  [[nodiscard]] bool known() const { return facts_.source != nullptr && facts_.source->id != 0; }
  [[nodiscard]] bool principal_fits(const std::string& v) const { return known() && glob(v, facts_.source->principal); }
  [[nodiscard]] bool account_fits(const std::string& v) const {
    const std::string full = v.find('/') == std::string::npos ? policy_.namespace_() + "/" + v : v;
    return known() && full == facts_.source->ns + "/" + facts_.source->service_account;
  }

  const config::wire::Policy& policy_;
  const Facts& facts_;
};

}  // namespace

bool reference_allows(const std::vector<config::wire::Policy>& policies, const Facts& facts, bool enforce_dry_run) {
  bool has_allow = false, allowed = false, denied = false;
  for (const auto& policy : policies) {
    if (policy.dry_run() && !enforce_dry_run) {
      continue;
    }
    const bool matched = Reference(policy, facts).matches();
    if (policy.action() == config::wire::Policy::DENY) {
      denied |= matched;
    } else {
      has_allow = true;
      allowed |= matched;
    }
  }
  return !denied && (!has_allow || allowed);
}

}  // namespace fairlead::test
