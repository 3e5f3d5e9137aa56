#include "agent/compile/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>

namespace fairlead::compile {

std::string service_host(std::string_view name, std::string_view ns, std::string_view cluster_domain) {
  return fmt::format("{}.{}.svc.{}", name, ns, cluster_domain);
}

std::string expand_host(std::string_view host, std::string_view ns, std::string_view cluster_domain) {
  std::string out(host);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  if (out.find('.') == std::string::npos && !is_wildcard(out)) {
    return service_host(out, ns, cluster_domain);
  }
  return out;
}

bool is_wildcard(std::string_view host) { return host.starts_with('*'); }

bool covers(std::string_view pattern, std::string_view host) {
  if (!is_wildcard(pattern)) {
    return pattern == host;
  }
  const std::string_view suffix = pattern.substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

size_t specificity(std::string_view pattern) {
  return is_wildcard(pattern) ? pattern.size() : std::numeric_limits<size_t>::max();
}

Visibility visibility(const std::vector<std::string>& export_to, std::string_view owner_ns, std::string_view client) {
  const auto names = [&](std::string_view entry) { return std::ranges::find(export_to, entry) != export_to.end(); };
  if (export_to.empty() || names("*")) {
    return Visibility::kPublic;
  }
  if (client.empty()) {
    return Visibility::kNone;
  }
  if (names(".") && client == owner_ns) {
    return Visibility::kPrivate;
  }
  return names(client) ? Visibility::kNamed : Visibility::kNone;
}

std::vector<std::string> named_namespaces(const std::vector<std::string>& export_to, std::string_view owner_ns) {
  std::vector<std::string> names;
  for (const std::string& entry : export_to) {
    if (entry == ".") {
      names.emplace_back(owner_ns);
    } else if (entry != "*" && entry != "~") {
      names.push_back(entry);
    }
  }
  return names;
}

bool older(const model::Metadata& a, const model::Metadata& b) {
  return std::tie(a.creation_timestamp, a.name, a.ns) < std::tie(b.creation_timestamp, b.name, b.ns);
}

bool selects(const model::Labels& selector, const model::Labels& labels) {
  return std::ranges::all_of(selector, [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

namespace {

bool holds(const model::LabelRequirement& requirement, const model::Labels& labels) {
  using Operator = model::LabelRequirement::Operator;
  const auto found = labels.find(requirement.key);
  const bool is_there = found != labels.end();
  const bool is_named = is_there && std::ranges::find(requirement.values, found->second) != requirement.values.end();
  switch (requirement.op) {
    case Operator::kIn:
      return is_named;
    case Operator::kNotIn:
      return !is_named;
    case Operator::kExists:
      return is_there;
    case Operator::kDoesNotExist:
      return !is_there;
  }
  return false;
}

}  // namespace

bool selects(const model::LabelSelector& selector, const model::Labels& labels) {
  return selects(selector.match_labels, labels) &&
         std::ranges::all_of(selector.match_expressions,
                             [&](const model::LabelRequirement& requirement) { return holds(requirement, labels); });
}

}  // namespace fairlead::compile
