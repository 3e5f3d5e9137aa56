#include "agent/model/yaml_bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace fairlead::model {

namespace {

bool begins_document(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

// Length of the UTF-8 sequence at the front of `text`, 0 if there is none (overlong forms and surrogates are none).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint8_t first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xC2 && first <= 0xDF) {
    return tail(1) ? 2 : 0;
  }
  if (first >= 0xE0 && first <= 0xEF) {
    const bool valid = !(first == 0xE0 && byte(1) < 0xA0) && !(first == 0xED && byte(1) > 0x9F);
    return valid && tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool valid = !(first == 0xF0 && byte(1) < 0x90) && !(first == 0xF4 && byte(1) > 0x8F);
    return valid && tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

// YAML forbids a line that begins with "---" anywhere but between documents, even inside quotes and block scalars
// (YAML 1.2, section 9.1.2), so the text can be cut there without parsing it.
std::vector<YamlChunk> split_documents(std::string_view text) {
  std::vector<YamlChunk> chunks;
  size_t begin = 0;
  int first_line = 1;
  int line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (begins_document(text.substr(at, end - at)) && at > begin) {
      chunks.push_back({text.substr(begin, at - begin), first_line});
      begin = at;
      first_line = line;
    }
    at = end + 1;
  }
  chunks.push_back({text.substr(begin), first_line});
  return chunks;
}

bool is_blank(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && line[first] != '#' && !line.starts_with('%')) {
      return false;
    }
    at = end + 1;
  }
  return true;
}

// Bytes that YAML does not allow (section 5.1). Checked here because yaml-cpp takes a 0x04 for the end of the text, and
// what follows would be lost without a word.
std::optional<YamlProblem> bad_byte(std::string_view text) {
  int line = 1;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F;
    const size_t length = utf8_length(text.substr(at));
    if (control || length == 0) {
      return YamlProblem{line, fmt::format("the byte 0x{:02x} is not allowed in YAML, which is UTF-8 text", byte)};
    }
    line += byte == '\n' ? 1 : 0;
    at += length;
  }
  return std::nullopt;
}

}  // namespace fairlead::model
