// Values that are written as text, in the forms that Go's libraries read. Pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::model {

// time.ParseDuration: "300ms", "1.5h", "1h30m"; a bare number only if it is 0.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
// RFC 4648, section 4, with padding.
std::optional<std::string> decode_base64(std::string_view text);
// strconv.ParseBool
std::optional<bool> parse_go_bool(std::string_view text);

}  // namespace fairlead::model
