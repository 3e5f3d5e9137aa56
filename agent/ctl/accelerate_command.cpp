#include "agent/ctl/client.h"
#include "agent/ctl/commands.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fairlead::ctl {

int accelerate(const Settings& settings, const std::string& to) {
  nlohmann::json request = {{"op", "accelerate"}};
  if (!to.empty()) {
    request["to"] = to;
  }
  const auto answer = ask(settings.run_dir, request);
  if (!answer) {
    return refused(answer.error().message());
  }
  if (settings.output == Output::kJson) {
    fmt::print("{}\n", answer->dump(2));
    return 0;
  }
  const auto& acceleration = (*answer)["acceleration"];
  fmt::print("acceleration: {}\n", acceleration.value("switch", ""));
  if (acceleration["problem"].is_string()) {
    fmt::print("not available on this node: {}\n", acceleration["problem"].get<std::string>());
  }
  return 0;
}

}  // namespace fairlead::ctl
