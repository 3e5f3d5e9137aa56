// Bytes from the wire as text that every reader takes. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace fairlead::telemetry {

// The text with each byte that is not part of well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) replaced
// by U+FFFD. Prometheus rejects a whole scrape for one such byte, and a Host field can hold it.
std::string valid_utf8(std::string_view bytes);

}  // namespace fairlead::telemetry
