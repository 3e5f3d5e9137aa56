#include "agent/ctl/answer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fairlead::ctl {

int mode(const Settings& settings, const std::string& target, const std::string& mode) {
  nlohmann::json request = {{"op", "mode"}, {"target", target}};
  if (!mode.empty()) {
    request["mode"] = mode;
  }
  return ask_and_print(settings, request, "", [&](const nlohmann::json& answer) {
    const auto& override = answer.at("override");
    fmt::print("{}: {}\n", target, override.is_string() ? "override " + override.get<std::string>() : "no override");
    for (const auto& pod : answer.at("pods")) {
      const auto now = pod.value("mode", ""), wanted = pod.value("wanted_mode", "");
      fmt::print("pod/{}: {}{} ({})\n", pod.value("pod", ""), now, now == wanted ? "" : ", becoming " + wanted,
                 pod.value("reason", ""));
    }
  });
}

}  // namespace fairlead::ctl
