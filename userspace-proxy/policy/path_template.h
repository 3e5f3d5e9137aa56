// AuthorizationPolicy's path templates: "/shops/{*}/items", "/files/{**}". Immutable after parse, any thread.
// Source: istio.io/latest/docs/reference/config/security/authorization-policy (Operation.paths); what an operator may
// stand for is Envoy's URI template matcher: {*} is one segment of at least one character, {**} any number of
// characters and slashes (none, too); both only RFC 3986 pchars without "*".
#pragma once

#include "userspace-proxy/base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace fairlead::policy {

class PathTemplate {
 public:
  // Whether Istio reads `path` as a template at all.
  static bool is_template(std::string_view path);
  // Operators are whole segments, {**} is the last operator; literal segments are not empty (but for a trailing slash).
  static Result<PathTemplate> parse(std::string_view path);

  // `path`: normalised, without query.
  [[nodiscard]] bool matches(std::string_view path) const;

 private:
  PathTemplate() = default;

  // Before {**}, or all there are. An empty text stands for {*}: a literal is never empty.
  std::vector<std::string> segments_;
  bool rest_ = false;  // {**} follows
  std::string tail_;   // behind {**}, with its slashes; without {**}: "/" for a trailing slash, else empty
};

}  // namespace fairlead::policy
