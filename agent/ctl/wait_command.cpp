#include "agent/ctl/client.h"
#include "agent/ctl/commands.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <string>

namespace fairlead::ctl {

int wait(const Settings& settings, std::chrono::milliseconds timeout) {
  const Client::Clock::time_point until = Client::Clock::now() + timeout;
  auto client = Client::connect(settings.run_dir, timeout);
  if (!client) {
    return refused(client.error().message());
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Client::Clock::now());
  const auto answer = client->ask({{"op", "wait"}, {"timeout_ms", std::max<int64_t>(left.count(), 0)}});
  if (!answer) {
    return refused(answer.error().message());
  }
  for (const auto& line : answer->value("warnings", nlohmann::json::array())) {
    fmt::print(stderr, "warning: {}\n", line.get<std::string>());
  }
  for (const auto& line : answer->value("missing", nlohmann::json::array())) {
    fmt::print(stderr, "not in force: {}\n", line.get<std::string>());
  }
  return answer->value("in_force", false) ? 0 : 1;
}

}  // namespace fairlead::ctl
