#include "agent/ctl/answer.h"

#include "agent/ctl/client.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fairlead::ctl {

int ask_and_print(const Settings& settings, const nlohmann::json& request, const char* part,
                  const std::function<void(const nlohmann::json&)>& print) {
  auto answer = ask(settings.run_dir, request);
  if (!answer) {
    return refused(answer.error().message());
  }
  const nlohmann::json& wanted = *part == '\0' ? *answer : (*answer)[part];
  if (settings.output == Output::kJson) {
    fmt::print("{}\n", wanted.dump(2));
  } else {
    print(wanted);
  }
  return 0;
}

}  // namespace fairlead::ctl
