#include "agent/bench/usage.h"

#include "agent/bench/numbers.h"
#include "agent/host/file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace fairlead::bench {
namespace {

double us_of_ticks(uint64_t ticks) {
  return static_cast<double>(ticks) * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::optional<Memory> memory_of(pid_t pid) {
  const auto text = host::read_file(fmt::format("/proc/{}/smaps_rollup", pid));
  if (!text || text->empty()) {
    return std::nullopt;
  }
  return Memory{.rss_kib = number_after(*text, "\nRss:"), .pss_kib = number_after(*text, "\nPss:")};
}

std::optional<uint64_t> tcp_sockets_kib() {
  const auto slabs = host::read_file("/proc/slabinfo"), sockets = host::read_file("/proc/net/sockstat");
  if (!slabs || !sockets || slabs->find("\nTCP ") == std::string::npos) {
    return std::nullopt;
  }
  uint64_t bytes = number_after(*sockets, " mem ") * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  // "name active_objs num_objs objsize ..."
  for (const std::string_view cache : {"\nTCP ", "\nTCPv6 ", "\nsock_inode_cache "}) {
    const size_t at = slabs->find(cache);
    if (at != std::string::npos) {
      std::string_view rest = std::string_view(*slabs).substr(at + cache.size());
      const uint64_t active = leading_number(rest);
      leading_number(rest);
      bytes += active * leading_number(rest);
    }
  }
  return bytes / 1024;
}

Usage& Usage::operator+=(const Usage& other) {
  cpu_us += other.cpu_us;
  user_us += other.user_us;
  system_us += other.system_us;
  context_switches += other.context_switches;
  return *this;
}

Usage Usage::operator-(const Usage& before) const {
  return {.cpu_us = std::max(0.0, cpu_us - before.cpu_us),
          .user_us = std::max(0.0, user_us - before.user_us),
          .system_us = std::max(0.0, system_us - before.system_us),
          .context_switches = context_switches - std::min(context_switches, before.context_switches)};
}

Usage usage_of(pid_t pid) {
  Usage usage;
  std::error_code error;
  std::filesystem::directory_iterator tasks(fmt::format("/proc/{}/task", pid), error);
  for (const std::filesystem::directory_iterator end; !error && tasks != end; tasks.increment(error)) {
    const std::string folder = tasks->path().string();
    if (const auto text = host::read_file(folder + "/schedstat")) {
      usage.cpu_us += static_cast<double>(number_after(*text, "")) / 1000;
    }
    if (const auto text = host::read_file(folder + "/status")) {
      usage.context_switches +=
          number_after(*text, "\nvoluntary_ctxt_switches:") + number_after(*text, "\nnonvoluntary_ctxt_switches:");
    }
  }
  // The 14th and 15th of proc_pid_stat(5); the second, a name in brackets, may hold blanks.
  if (const auto text = host::read_file(fmt::format("/proc/{}/stat", pid))) {
    std::string_view rest = std::string_view(*text).substr(std::min(text->rfind(')') + 1, text->size()));
    for (int field = 3; field < 14 && !rest.empty(); ++field) {
      rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
      rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    }
    usage.user_us = us_of_ticks(leading_number(rest));
    usage.system_us = us_of_ticks(leading_number(rest));
  }
  return usage;
}

double softirq_us(std::span<const int> cpus) {
  const auto text = host::read_file("/proc/stat");
  double sum = 0;
  for (const int cpu : cpus) {
    const std::string key = fmt::format("\ncpu{} ", cpu);
    const size_t at = text ? text->find(key) : std::string::npos;
    if (at == std::string::npos) {
      continue;
    }
    std::string_view rest = std::string_view(*text).substr(at + key.size());
    for (int field = 0; field < 6; ++field) {  // user nice system idle iowait irq
      leading_number(rest);
    }
    sum += us_of_ticks(leading_number(rest));
  }
  return sum;
}

}  // namespace fairlead::bench
