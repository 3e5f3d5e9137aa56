// Logging: one line a message to stderr, by spdlog behind a door of our own, so that its headers are compiled once. Any
// thread. Formats are fmt's.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace fairlead::log {

enum class Level : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

// Sets the process's logger: "NAME" stands in every line. `level`: trace, debug, info, warn, error, off.
// False if the level is none of these.
bool start(std::string_view name, std::string_view level);

void write(Level level, fmt::string_view format, fmt::format_args args);

template <class... Args>
void trace(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kTrace, format, fmt::make_format_args(args...));
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, format, fmt::make_format_args(args...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, format, fmt::make_format_args(args...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarn, format, fmt::make_format_args(args...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, format, fmt::make_format_args(args...));
}

}  // namespace fairlead::log
