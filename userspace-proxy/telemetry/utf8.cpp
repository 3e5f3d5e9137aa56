#include "userspace-proxy/telemetry/utf8.h"

#include <cstdint>

namespace fairlead::telemetry {
namespace {

uint8_t at(std::string_view bytes, size_t i) { return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0; }

bool is_tail(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// Length of the well-formed character at the start of `bytes`, 0 if there is none (RFC 3629 section 4).
size_t character(std::string_view bytes) {
  const uint8_t first = at(bytes, 0), second = at(bytes, 1);
  if (first < 0x80) {
    return 1;
  }
  if (!is_tail(second) || first < 0xc2 || first > 0xf4) {
    return 0;
  }
  if (first < 0xe0) {
    return 2;
  }
  if (!is_tail(at(bytes, 2))) {
    return 0;
  }
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && second < 0xa0, surrogate = first == 0xed && second > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = first == 0xf0 && second < 0x90, beyond = first == 0xf4 && second > 0x8f;
  return overlong || beyond || !is_tail(at(bytes, 3)) ? 0 : 4;
}

}  // namespace

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t length = character(bytes);
    if (length == 0) {
      text += "\xef\xbf\xbd";
      bytes.remove_prefix(1);
    } else {
      text += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  return text;
}

}  // namespace fairlead::telemetry
