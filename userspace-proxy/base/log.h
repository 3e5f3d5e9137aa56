// Logging through spdlog, to stderr, one line a message. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

namespace fairlead::log {

// Sets the process's logger: "NAME" stands in every line. `level`: trace, debug, info, warn, error, off.
// False if the level is none of these.
bool start(std::string_view name, std::string_view level);

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::trace;
using spdlog::warn;

}  // namespace fairlead::log
