#include "userspace-proxy/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

namespace fairlead::log {

bool start(std::string_view name, std::string_view level) {
  constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info", "warn", "error", "off"};
  if (std::ranges::find(kLevels, level) == kLevels.end()) {
    return false;
  }
  auto logger = std::make_shared<spdlog::logger>(std::string(name), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(std::string(level == "warn" ? "warning" : level)));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  return true;
}

void write(Level level, fmt::string_view format, fmt::format_args args) {
  const auto wanted = static_cast<spdlog::level::level_enum>(level);
  if (spdlog::should_log(wanted)) {
    spdlog::log(wanted, fmt::vformat(format, args));
  }
}

}  // namespace fairlead::log
