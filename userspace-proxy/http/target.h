// The request target and the authority: RFC 9112 section 3.2, RFC 3986 section 3.2. Internal to this room.
#pragma once

#include "userspace-proxy/http/h1.h"

#include <cstdint>
#include <string_view>

namespace fairlead::http {

// Fills path, query and authority from method, target and Host, and cuts the fragment off the target. `classes`: the
// character classes of the target (scan.h), joined. Empty: fine; else what is wrong.
std::string_view resolve_target(RequestHead& head, uint8_t classes, std::string_view host);

// HOST or HOST:PORT, not empty: no user part, no escapes, a port of at most 65535.
bool is_authority(std::string_view text);

}  // namespace fairlead::http
