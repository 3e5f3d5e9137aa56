// AuthorizationPolicy, compiled: a pure function of (policies, facts). No sockets, no clock, no allocation per
// decision. Used by the proxy for every request and TCP connection, and by the agent to fill the kernel's table of
// verdicts.
//
// Semantics: istio.io/latest/docs/reference/config/security/authorization-policy, and the notes on TCP there: on a
// connection without HTTP facts a rule with an HTTP-only field never matches in ALLOW, and is matched without that
// field in DENY (it denies more than written, never less). Attributes that no part of the proxy establishes yet (JWT,
// SNI, Envoy filter metadata) are treated the same way wherever they stand: fail closed. Thread: immutable after build,
// any.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::config::wire {
class Policy;
}
namespace fairlead::http {
struct RequestHead;
}

namespace fairlead::policy {

// Who calls. id 0: nobody is known; then the texts are empty.
struct Identity {
  uint32_t id = 0;
  std::string principal;  // "cluster.local/ns/shop/sa/client", without "spiffe://"
  std::string ns;
  std::string service_account;
};

// What is known when deciding. References live as long as the call.
struct Facts {
  const Identity* source = nullptr;  // null or id 0: no identity
  IpAddress source_ip;               // of the direct peer
  IpAddress remote_ip;               // the original client; equal to source_ip unless a trusted header says otherwise
  IpAddress destination_ip;
  uint16_t destination_port = 0;            // of the workload
  const http::RequestHead* http = nullptr;  // null: TCP
};

enum class Action : uint8_t { kAllow, kDeny };

class Policy {
 public:
  // Compiles; an error names the field ("rules[0].to[0].operation.paths[1]: ...").
  static Result<std::unique_ptr<Policy>> build(const config::wire::Policy& wire);
  ~Policy();
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Action action() const { return action_; }
  [[nodiscard]] bool dry_run() const { return dry_run_; }
  // Some rule looks at HTTP facts.
  [[nodiscard]] bool needs_http() const { return needs_http_; }
  // Index of the first rule that matches, or -1.
  [[nodiscard]] int match(const Facts& facts) const;
  // What a table of verdicts has to distinguish: every block and every port that a rule names.
  [[nodiscard]] std::vector<Cidr> blocks() const;
  [[nodiscard]] std::vector<uint16_t> ports() const;
  // Then the answer differs between workloads that have the same policies.
  [[nodiscard]] bool names_destination_ip() const;

 private:
  Policy();
  struct Compiled;

  std::string name_;
  Action action_ = Action::kAllow;
  bool dry_run_ = false;
  bool needs_http_ = false;
  std::unique_ptr<Compiled> compiled_;
};

struct Decision {
  bool allowed = true;
  const Policy* policy = nullptr;  // the one that decided; null: no ALLOW policy applies, or none of them matched
  int rule = -1;
  // With the dry-run policies enforced the answer would be the other one, and this dry-run policy would be why.
  const Policy* shadow = nullptr;
};

// The policies that apply to one workload. Refers to policies that outlive it.
struct PolicySet {
  std::vector<const Policy*> policies;

  [[nodiscard]] bool empty() const { return policies.empty(); }
  [[nodiscard]] bool needs_http() const;
  // DENY first, then: no ALLOW policy -> allowed; any ALLOW matches -> allowed; else denied.
  [[nodiscard]] Decision decide(const Facts& facts) const;
};

}  // namespace fairlead::policy
