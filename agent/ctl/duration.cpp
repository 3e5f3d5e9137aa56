#include "agent/ctl/duration.h"

#include <charconv>

namespace fairlead::ctl {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  double value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  double scale = 0;
  if (unit.empty() || unit == "s") {
    scale = 1000;
  } else if (unit == "ms") {
    scale = 1;
  } else if (unit == "m") {
    scale = 60'000;
  } else if (unit == "h") {
    scale = 3'600'000;
  }
  constexpr double kLongest = 1e12;  // milliseconds; beyond it a double no longer fits the integer safely
  if (error != std::errc() || scale == 0 || !(value >= 0 && value * scale <= kLongest)) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(static_cast<int64_t>(value * scale));
}

}  // namespace fairlead::ctl
