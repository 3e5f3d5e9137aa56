// Path normalisation as Istio does it by default (BASE): escapes of unreserved characters are decoded, backslashes
// become slashes, dot segments are resolved; nothing else is touched: double slashes, escaped slashes and backslashes,
// the case of what stays escaped, and malformed escapes are left as sent. Source:
// istio.io/latest/docs/reference/config/security/normalization, RFC 3986 sections 5.2.4 and 6.2.2. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::http {

enum class Normalised : uint8_t {
  kAsSent,   // nothing to do; `out` is not to be used
  kChanged,  // the path is in `out`
  kRefused,  // an escaped NUL, or an escape made out of an escape ("%%32e"), which the next reader would decode once
             // more
};

// REQUIRES: `path` begins with "/" and has no query. The result, normalised again, is itself.
Normalised normalise_path(std::string_view path, std::string& out);

}  // namespace fairlead::http
