#include "agent/bench/usage.h"

#include "agent/host/file.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <string_view>

namespace fairlead::bench {
namespace {

// The number after `key` and blanks.
uint64_t number_after(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) {
    return 0;
  }
  text.remove_prefix(at + key.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<Memory> memory_of(pid_t pid) {
  const auto text = host::read_file(fmt::format("/proc/{}/smaps_rollup", pid));
  if (!text || text->empty()) {
    return std::nullopt;
  }
  return Memory{.rss_kib = number_after(*text, "\nRss:"), .pss_kib = number_after(*text, "\nPss:")};
}

double cpu_us_of(pid_t pid) {
  double sum = 0;
  std::error_code error;
  std::filesystem::directory_iterator tasks(fmt::format("/proc/{}/task", pid), error);
  for (const std::filesystem::directory_iterator end; !error && tasks != end; tasks.increment(error)) {
    if (const auto text = host::read_file(tasks->path().string() + "/schedstat")) {
      sum += static_cast<double>(number_after(*text, "")) / 1000;
    }
  }
  return sum;
}

}  // namespace fairlead::bench
