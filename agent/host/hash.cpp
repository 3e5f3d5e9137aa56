#include "agent/host/hash.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace fairlead::host {

std::string short_hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  }
  return fmt::format("{:016x}", hash);
}

bool is_short_hash(std::string_view name) {
  return name.size() == 16 &&
         std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace fairlead::host
