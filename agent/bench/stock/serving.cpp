#include "agent/bench/stock/serving.h"

#include "agent/host/file.h"

#include <fcntl.h>
#include <fmt/format.h>

namespace fairlead::bench {

Result<Process> start_serving(const Server& server, const Interrupt& interrupt) {
  constexpr std::chrono::seconds kPatience(10);
  const std::string log = server.folder + "/output.log";
  const Fd output(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!output) {
    return fail_sys(log);
  }
  auto process = Process::exec(server.argv, server.place, {.input = -1, .output = output.get()});
  const Clock::time_point until = Clock::now() + kPatience;
  while (process && !server.is_ready()) {
    if (!process->is_running() || Clock::now() > until) {
      const auto told = host::read_file(log);
      return fail(fmt::format("{} does not start: {}", server.argv.front(), told ? last_line(*told) : ""));
    }
    if (const Status slept = interrupt.sleep(std::chrono::milliseconds(10)); !slept) {
      return std::unexpected(slept.error());
    }
  }
  return process;
}

}  // namespace fairlead::bench
