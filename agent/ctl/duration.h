// Durations on the command line. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace fairlead::ctl {

// "20s", "500ms", "1.5m", "2h"; a number alone means seconds. Nothing if it is none of these, or negative.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace fairlead::ctl
