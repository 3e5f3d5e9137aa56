#include "agent/ctl/client.h"
#include "agent/ctl/commands.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fairlead::ctl {

int mode(const Settings& settings, const std::string& target, const std::string& mode) {
  nlohmann::json request = {{"op", "mode"}, {"target", target}};
  if (!mode.empty()) {
    request["mode"] = mode;
  }
  const auto answer = ask(settings.run_dir, request);
  if (!answer) {
    return refused(answer.error().message());
  }
  if (settings.output == Output::kJson) {
    fmt::print("{}\n", answer->dump(2));
    return 0;
  }
  const auto& override = (*answer)["override"];
  fmt::print("{}: {}\n", target, override.is_string() ? "override " + override.get<std::string>() : "no override");
  for (const auto& pod : (*answer)["pods"]) {
    const auto now = pod.value("mode", ""), wanted = pod.value("wanted_mode", "");
    fmt::print("pod/{}: {}{} ({})\n", pod.value("pod", ""), now, now == wanted ? "" : ", becoming " + wanted,
               pod.value("reason", ""));
  }
  return 0;
}

}  // namespace fairlead::ctl
