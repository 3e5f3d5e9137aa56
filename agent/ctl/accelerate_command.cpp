#include "agent/ctl/answer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fairlead::ctl {

int accelerate(const Settings& settings, const std::string& to) {
  nlohmann::json request = {{"op", "accelerate"}};
  if (!to.empty()) {
    request["to"] = to;
  }
  return ask_and_print(settings, request, "", [](const nlohmann::json& answer) {
    const auto& acceleration = answer.at("acceleration");
    fmt::print("acceleration: {}\n", acceleration.value("switch", ""));
    if (const auto problem = acceleration.find("problem"); problem != acceleration.end() && problem->is_string()) {
      fmt::print("not available on this node: {}\n", problem->get<std::string>());
    }
  });
}

}  // namespace fairlead::ctl
