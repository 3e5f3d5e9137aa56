// One condition of an AuthorizationPolicy: an attribute of the caller or the request, and the values it may (or may
// not) have. Immutable after build, any thread. Source: istio.io/latest/docs/reference/config/security/conditions and
// .../authorization-policy.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/config/string_match.h"
#include "userspace-proxy/policy/path_template.h"
#include "userspace-proxy/policy/policy.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fairlead::policy {

enum class Attribute : uint8_t {
  kPrincipal,
  kNamespace,
  kServiceAccount,
  kTrustDomain,
  kSourceIp,
  kRemoteIp,
  kDestinationIp,
  kDestinationPort,
  kHost,
  kMethod,
  kPath,
  kHeader,
  kRequestAuth,       // request principals and JWT claims: no token is verified yet, see Condition::is_judged()
  kUnjudgedAtLayer4,  // SNI, Envoy filter metadata: likewise, but not a matter of HTTP
};

class Condition {
 public:
  struct Subject {
    Attribute attribute;
    std::string header = {};  // lower case, for kHeader
  };
  // The attribute that a key of `when` names ("request.headers[x-a]", "source.ip").
  static Result<Subject> subject_of(std::string_view key);

  Condition(Subject subject, bool negated) : subject_(std::move(subject)), negated_(negated) {}
  // Adds a value, one of which is enough. `policy_namespace`: where a service account without namespace is.
  Status add(std::string_view value, std::string_view policy_namespace);

  // REQUIRES: can_judge(facts).
  [[nodiscard]] bool holds(const Facts& facts) const;
  [[nodiscard]] bool can_judge(const Facts& facts) const {
    return is_judged() && (facts.http != nullptr || !needs_http());
  }
  // False for attributes that no part of the proxy establishes yet.
  [[nodiscard]] bool is_judged() const;
  [[nodiscard]] bool needs_http() const;

  [[nodiscard]] Attribute attribute() const { return subject_.attribute; }
  [[nodiscard]] const std::vector<Cidr>* blocks() const { return std::get_if<std::vector<Cidr>>(&values_); }
  [[nodiscard]] const std::vector<uint16_t>* ports() const { return std::get_if<std::vector<uint16_t>>(&values_); }

 private:
  using Path = std::variant<config::StringMatch, PathTemplate>;
  using Texts = std::vector<config::StringMatch>;
  // kNamespace: patterns with "*" anywhere; kServiceAccount: "ns/sa".
  using Names = std::vector<std::string>;

  [[nodiscard]] bool has_value(const Facts& facts) const;
  [[nodiscard]] bool has_identity_value(const Identity& source) const;
  [[nodiscard]] bool has_http_value(const http::RequestHead& head) const;
  [[nodiscard]] bool has_header_value(const http::RequestHead& head) const;

  Subject subject_;
  bool negated_;
  std::variant<std::monostate, Texts, Names, std::vector<Path>, std::vector<Cidr>, std::vector<uint16_t>> values_;
};

}  // namespace fairlead::policy
