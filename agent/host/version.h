// The version that every executable tells. Any thread.
#pragma once

#include <string_view>

namespace fairlead::host {

std::string_view version();  // "0.1.0"

}  // namespace fairlead::host
