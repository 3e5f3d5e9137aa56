#include "agent/model/scalar.h"

#include "agent/model/checks.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>

namespace fairlead::model {

namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

}  // namespace

std::optional<bool> as_boolean(std::string_view text) {
  if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    return true;
  }
  if (is_one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    return false;
  }
  return std::nullopt;
}

std::optional<int64_t> as_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0o") || text.starts_with("0b")) {
    base = text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.starts_with('0')) {
    base = 8;
  }
  if (text.empty() || text.starts_with('-')) {
    return std::nullopt;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<double> as_number(std::string_view text) {
  if (const auto whole = as_integer(text)) {
    return static_cast<double>(*whole);
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

Scalar type_of(const YamlNode& node) {
  if (node.quoted) {
    return Scalar::kText;
  }
  if (as_boolean(node.text)) {
    return Scalar::kBoolean;
  }
  if (as_integer(node.text)) {
    return Scalar::kInteger;
  }
  return as_number(node.text) ? Scalar::kFloat : Scalar::kText;
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  switch (type_of(node)) {
    case Scalar::kBoolean:
      return "the boolean " + node.text;
    case Scalar::kInteger:
    case Scalar::kFloat:
      return "the number " + node.text;
    case Scalar::kText:
      break;
  }
  return in_quotes(node.text);
}

}  // namespace fairlead::model
