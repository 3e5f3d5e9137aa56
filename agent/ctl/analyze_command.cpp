#include "agent/ctl/commands.h"
#include "agent/model/analyze.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace fairlead::ctl {

int analyze(const Settings& settings, const std::vector<std::string>& files) {
  const std::vector<model::Message> messages = model::analyze(files);
  nlohmann::json list = nlohmann::json::array();
  for (const model::Message& message : messages) {
    list.push_back(model::to_json(message));
  }
  if (settings.output == Output::kJson) {
    fmt::print("{}\n", list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    for (size_t i = 0; i < messages.size(); ++i) {
      fmt::print("{} {} {}\n", list[i].value("severity", ""), messages[i].code, messages[i].line());
    }
  }
  const bool has_error = std::ranges::any_of(
      messages, [](const model::Message& message) { return message.severity == model::Severity::kError; });
  return has_error ? 1 : 0;
}

}  // namespace fairlead::ctl
