#include "userspace-proxy/policy/condition.h"

#include "userspace-proxy/config/header_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace fairlead::policy {
namespace {

using config::StringMatch;

// The list of that kind, made on first use. An attribute has values of one kind only.
template <class List, class Variant>
List& list(Variant& values) {
  if (List* present = std::get_if<List>(&values)) {
    return *present;
  }
  return values.template emplace<List>();
}

// "*" stands for any characters, anywhere: Istio builds a regular expression from namespaces only.
bool matches_wildcards(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool is_account(std::string_view wanted, const Identity& source) {
  const size_t slash = wanted.find('/');
  return wanted.substr(0, slash) == source.ns && wanted.substr(slash + 1) == source.service_account;
}

std::string_view trust_domain(const Identity& source) {
  return std::string_view(source.principal).substr(0, source.principal.find('/'));
}

template <class List, class Match>
bool any(const List& list, Match match) {
  return std::ranges::any_of(list, match);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return result;
}

}  // namespace

Result<Condition::Subject> Condition::subject_of(std::string_view key) {
  static constexpr auto kExact = std::to_array<std::pair<std::string_view, Attribute>>({
      {"source.ip", Attribute::kSourceIp},
      {"remote.ip", Attribute::kRemoteIp},
      {"source.namespace", Attribute::kNamespace},
      {"source.principal", Attribute::kPrincipal},
      {"source.serviceAccount", Attribute::kServiceAccount},
      {"source.trustDomain", Attribute::kTrustDomain},
      {"destination.ip", Attribute::kDestinationIp},
      {"destination.port", Attribute::kDestinationPort},
      {"connection.sni", Attribute::kUnjudgedAtLayer4},
      {"request.auth.principal", Attribute::kRequestAuth},
      {"request.auth.audiences", Attribute::kRequestAuth},
      {"request.auth.presenter", Attribute::kRequestAuth},
  });
  for (const auto& [name, attribute] : kExact) {
    if (key == name) {
      return Subject{attribute};
    }
  }
  constexpr std::string_view kHeaders = "request.headers[";
  if (key.starts_with(kHeaders) && key.ends_with(']') && key.size() > kHeaders.size() + 1) {
    return Subject{Attribute::kHeader, lower(key.substr(kHeaders.size(), key.size() - kHeaders.size() - 1))};
  }
  if (key.starts_with("request.auth.claims[") && key.ends_with(']')) {
    return Subject{Attribute::kRequestAuth};
  }
  if (key.starts_with("experimental.envoy.filters.")) {
    return Subject{Attribute::kUnjudgedAtLayer4};
  }
  return fail("unknown attribute \"" + std::string(key) + "\"");
}

Status Condition::add(std::string_view value, std::string_view policy_namespace) {
  switch (subject_.attribute) {
    case Attribute::kPrincipal:
    case Attribute::kTrustDomain:
    case Attribute::kHost:
    case Attribute::kMethod:
    case Attribute::kHeader:
      list<Texts>(values_).push_back(StringMatch::glob(value));
      return {};
    case Attribute::kNamespace:
      list<Names>(values_).emplace_back(value);
      return {};
    case Attribute::kServiceAccount:
      list<Names>(values_).push_back(value.find('/') == std::string_view::npos
                                         ? std::string(policy_namespace).append("/").append(value)
                                         : std::string(value));
      return {};
    case Attribute::kSourceIp:
    case Attribute::kRemoteIp:
    case Attribute::kDestinationIp: {
      const auto block = Cidr::parse(value);
      if (!block) {
        return fail("\"" + std::string(value) + "\" is no IP address or CIDR block");
      }
      list<std::vector<Cidr>>(values_).push_back(*block);
      return {};
    }
    case Attribute::kDestinationPort: {
      uint16_t port = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
      if (error != std::errc() || end != value.data() + value.size() || port == 0) {
        return fail("\"" + std::string(value) + "\" is no port number");
      }
      list<std::vector<uint16_t>>(values_).push_back(port);
      return {};
    }
    case Attribute::kPath: {
      if (!PathTemplate::is_template(value)) {
        list<std::vector<Path>>(values_).emplace_back(StringMatch::glob(value));
        return {};
      }
      auto path = PathTemplate::parse(value);
      if (!path) {
        return std::unexpected(path.error());
      }
      list<std::vector<Path>>(values_).emplace_back(std::move(*path));
      return {};
    }
    case Attribute::kRequestAuth:
    case Attribute::kUnjudgedAtLayer4:
      return {};
  }
  return {};
}

bool Condition::is_judged() const {
  return subject_.attribute != Attribute::kRequestAuth && subject_.attribute != Attribute::kUnjudgedAtLayer4;
}

bool Condition::needs_http() const {
  switch (subject_.attribute) {
    case Attribute::kHost:
    case Attribute::kMethod:
    case Attribute::kPath:
    case Attribute::kHeader:
    case Attribute::kRequestAuth:
      return true;
    default:
      return false;
  }
}

bool Condition::holds(const Facts& facts) const { return has_value(facts) != negated_; }

bool Condition::has_value(const Facts& facts) const {
  switch (subject_.attribute) {
    case Attribute::kPrincipal:
    case Attribute::kNamespace:
    case Attribute::kServiceAccount:
    case Attribute::kTrustDomain:
      // Without identity no value fits, so that a negated condition holds: Istio's answer for plaintext.
      return facts.source != nullptr && facts.source->id != 0 && has_identity_value(*facts.source);
    case Attribute::kSourceIp:
      return any(std::get<std::vector<Cidr>>(values_), [&](const Cidr& c) { return c.contains(facts.source_ip); });
    case Attribute::kRemoteIp:
      return any(std::get<std::vector<Cidr>>(values_), [&](const Cidr& c) { return c.contains(facts.remote_ip); });
    case Attribute::kDestinationIp:
      return any(std::get<std::vector<Cidr>>(values_), [&](const Cidr& c) { return c.contains(facts.destination_ip); });
    case Attribute::kDestinationPort:
      return any(std::get<std::vector<uint16_t>>(values_), [&](uint16_t p) { return p == facts.destination_port; });
    case Attribute::kHost:
    case Attribute::kMethod:
    case Attribute::kPath:
    case Attribute::kHeader:
      return has_http_value(*facts.http);
    case Attribute::kRequestAuth:
    case Attribute::kUnjudgedAtLayer4:
      return false;
  }
  return false;
}

bool Condition::has_identity_value(const Identity& source) const {
  switch (subject_.attribute) {
    case Attribute::kPrincipal:
      return any(std::get<Texts>(values_), [&](const StringMatch& m) { return m.matches(source.principal); });
    case Attribute::kTrustDomain:
      return any(std::get<Texts>(values_), [&](const StringMatch& m) { return m.matches(trust_domain(source)); });
    case Attribute::kNamespace:
      return any(std::get<Names>(values_), [&](const std::string& p) { return matches_wildcards(p, source.ns); });
    default:
      return any(std::get<Names>(values_), [&](const std::string& a) { return is_account(a, source); });
  }
}

bool Condition::has_http_value(const http::RequestHead& head) const {
  switch (subject_.attribute) {
    case Attribute::kHost:  // with the port, if the client sent one
      return any(std::get<Texts>(values_),
                 [&](const StringMatch& m) { return m.matches_ignoring_case(head.authority); });
    case Attribute::kMethod:
      return any(std::get<Texts>(values_), [&](const StringMatch& m) { return m.matches(head.method); });
    case Attribute::kPath:
      return any(std::get<std::vector<Path>>(values_), [&](const Path& path) {
        return std::visit([&](const auto& m) { return m.matches(head.path); }, path);
      });
    default:
      return has_header_value(head);
  }
}

bool Condition::has_header_value(const http::RequestHead& head) const {
  std::string scratch;
  const auto value = config::header_value(head, subject_.header, scratch);
  // "*" asks for the header, be it empty (Envoy's present_match); elsewhere "*" asks for a text.
  return value &&
         any(std::get<Texts>(values_), [&](const StringMatch& m) { return m.is_presence() || m.matches(*value); });
}

}  // namespace fairlead::policy
