#include "agent/ctl/client.h"
#include "agent/ctl/commands.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <ctime>
#include <string>

namespace fairlead::ctl {
namespace {

using nlohmann::json;

std::string text(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : "-";
}

// TIME PATH SOURCE -> DESTINATION (UPSTREAM) WHAT STATUS FLAGS REASON TIME
std::string line_of(const json& record) {
  const int64_t start = record.value("start_unix_ns", int64_t{0});
  const std::string source = text(record, "source_workload");
  std::string what = text(record, "protocol");
  if (record.value("kind", "") == "http") {
    what = fmt::format("{} {}{} {}", text(record, "method"), text(record, "authority"), text(record, "target"),
                       record.value("status", 0));
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {} -> {} ({}) {} {} {} {:.3f} ms",
                     fmt::gmtime(static_cast<std::time_t>(start / 1'000'000'000)), start / 1'000'000 % 1000,
                     text(record, "path"), source == "-" ? text(record, "client") : source, text(record, "destination"),
                     text(record, "destination_workload"), what, text(record, "response_flags"), text(record, "reason"),
                     static_cast<double>(record.value("duration_ns", uint64_t{0})) / 1e6);
}

}  // namespace

int flows(const Settings& settings, std::optional<std::chrono::milliseconds> age, bool follow) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t since_unix_ns =
      age ? std::chrono::duration_cast<std::chrono::nanoseconds>(now - *age).count() : int64_t{0};
  auto client = Client::connect(settings.run_dir);
  if (!client) {
    return refused(client.error().message());
  }
  const auto answer =
      client->ask({{"op", "flows"}, {"follow", follow}, {"since_unix_ns", since_unix_ns}}, [&](const json& line) {
        if (line.contains("lost")) {
          fmt::print(stderr, "{} records were overwritten before they could be read\n", line["lost"].dump());
          return;
        }
        const json& record = line["record"];
        fmt::print("{}\n", settings.output == Output::kJson ? record.dump() : line_of(record));
        std::fflush(stdout);
      });
  return answer ? 0 : refused(answer.error().message());
}

}  // namespace fairlead::ctl
