#include "agent/bench/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::bench {

std::string table(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> widths(lines.front().size(), 3);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  std::string text;
  for (size_t n = 0; n < lines.size(); ++n) {
    for (size_t i = 0; i < widths.size(); ++i) {
      text +=
          i < 2 ? fmt::format("| {:<{}} ", lines[n][i], widths[i]) : fmt::format("| {:>{}} ", lines[n][i], widths[i]);
    }
    text += "|\n";
    if (n == 0) {
      for (size_t i = 0; i < widths.size(); ++i) {
        text += fmt::format("|{}{}", std::string(widths[i] + 1, '-'), i < 2 ? "-" : ":");
      }
      text += "|\n";
    }
  }
  return text;
}

}  // namespace fairlead::bench
