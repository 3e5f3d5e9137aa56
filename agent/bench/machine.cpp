#include "agent/bench/machine.h"

#include "agent/bench/process.h"
#include "agent/bench/stock/proxy.h"
#include "agent/host/file.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <string_view>

namespace fairlead::bench {
namespace {

using nlohmann::json;

json line_of(const std::string& path) {
  const auto text = host::read_file(path);
  return text && !text->empty() ? json(text->substr(0, text->find('\n'))) : json(nullptr);
}

// "model name : AMD EPYC" of /proc/cpuinfo.
std::string cpu_field(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) {
    return {};
  }
  const size_t colon = text.find(':', at), end = text.find('\n', at);
  return colon < end && colon + 2 <= end ? std::string(text.substr(colon + 2, end - colon - 2)) : std::string();
}

// The first line that is not empty of what a program writes on being asked for its version; null if it is not there. An
// own Interrupt is not needed: it answers at once or not at all.
json version_of(const std::string& path, const char* option) {
  FILE* const pipe = path.empty() ? nullptr : popen(fmt::format("{} {} 2>&1", path, option).c_str(), "re");
  if (pipe == nullptr) {
    return nullptr;
  }
  json version;
  for (char line[256]; version.is_null() && std::fgets(line, sizeof line, pipe) != nullptr;) {
    const std::string_view text = std::string_view(line).substr(0, std::string_view(line).find('\n'));
    version = text.empty() ? json() : json(std::string(text));
  }
  pclose(pipe);
  return version;
}

json versions(const std::string& agent_version) {
  json all = {{"fairlead", agent_version}, {"wrk", version_of(find_program("wrk"), "--version")}};
  for (const StockProxy* proxy : stock_proxies()) {
    all[proxy->program] = version_of(program_of(*proxy), proxy->version_option);
  }
  return all;
}

}  // namespace

std::vector<int> usable_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<size_t>(cpu), &set)) {
        cpus.push_back(cpu);
      }
    }
  }
  return cpus;
}

json describe_machine(const std::vector<int>& measured_cpus, const std::string& agent_version) {
  utsname kernel{};
  uname(&kernel);
  const auto cpuinfo = host::read_file("/proc/cpuinfo");
  const std::string text = cpuinfo ? *cpuinfo : std::string();
  const std::string cpu0 = fmt::format("/sys/devices/system/cpu/cpu{}", measured_cpus.front());
  return {{"cpu", cpu_field(text, "model name")},
          {"cpus", sysconf(_SC_NPROCESSORS_ONLN)},
          {"measured_cpus", measured_cpus},
          {"is_virtual", text.find(" hypervisor") != std::string::npos},
          {"kernel", fmt::format("{} {} {}", kernel.sysname, kernel.release, kernel.machine)},
          {"clock_source", line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource")},
          {"governor", line_of(cpu0 + "/cpufreq/scaling_governor")},
          {"memory_mib", sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024},
          {"load_average", line_of("/proc/loadavg")},
          {"date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
          {"versions", versions(agent_version)}};
}

}  // namespace fairlead::bench
