#include "agent/bench/numbers.h"

#include <algorithm>
#include <charconv>

namespace fairlead::bench {

uint64_t leading_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

uint64_t number_after(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) {
    return 0;
  }
  text.remove_prefix(at + key.size());
  return leading_number(text);
}

}  // namespace fairlead::bench
