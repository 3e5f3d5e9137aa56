#include "agent/model/reader.h"

#include "agent/model/advice.h"
#include "agent/model/scalar.h"
#include "agent/model/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <span>

namespace fairlead::model {

using namespace std::chrono_literals;

std::string Report::path_of(const YamlNode& node) const {
  if (&node == &root_ || node.parent == nullptr) {
    return {};
  }
  const std::string parent = path_of(*node.parent);
  if (!node.parent->is_map()) {
    return fmt::format("{}[{}]", parent, &node - node.parent->children.data());
  }
  if (parent.empty()) {
    return node.key;
  }
  return node.key.find_first_of("./[ ") == std::string::npos ? parent + "." + node.key : parent + "[" + node.key + "]";
}

void Report::missing(const YamlNode& parent, std::string_view name) {
  add(Severity::kError, parent, name, "this field is required");
}

void Report::add(Severity severity, const YamlNode& at, std::string_view child, std::string text) {
  refused_ = refused_ || severity == Severity::kError;
  if (full()) {
    return;
  }
  std::string field = path_of(at);
  if (!child.empty()) {
    field.append(field.empty() ? "" : ".").append(child);
  }
  findings_.push_back({severity, at.line, std::move(field), std::move(text)});
}

void Cursor::error(std::string text) const {
  if (node_ != nullptr) {
    report_->error(*node_, std::move(text));
  }
}

void Cursor::warn(std::string text) const {
  if (node_ != nullptr) {
    report_->warn(*node_, std::move(text));
  }
}

// False where the value is absent, or of another kind; the latter is reported.
bool Cursor::expect(YamlNode::Kind kind, std::string_view wanted) const {
  if (!present()) {
    return false;
  }
  if (node_->kind != kind) {
    error(fmt::format("is {}; write {}", describe(*node_), wanted));
    return false;
  }
  return true;
}

std::string Cursor::string(Check check) const {
  if (!expect(YamlNode::Kind::kScalar, "text")) {
    return {};
  }
  if (type_of(*node_) != Scalar::kText) {
    error(fmt::format("is {}, where text is wanted; write it in quotes: {}", describe(*node_), in_quotes(node_->text)));
    return {};
  }
  if (check != nullptr) {
    if (Problem problem = check(node_->text)) {
      error(std::move(*problem));
    }
  }
  return node_->text;
}

bool Cursor::boolean() const {
  if (!expect(YamlNode::Kind::kScalar, "true or false")) {
    return false;
  }
  const auto value = node_->quoted ? std::nullopt : as_boolean(node_->text);
  if (!value) {
    error(fmt::format("is {}; write true or false", describe(*node_)));
  }
  return value.value_or(false);
}

int64_t Cursor::integer(int64_t least, int64_t most) const {
  if (!expect(YamlNode::Kind::kScalar, "a whole number")) {
    return 0;
  }
  auto value = node_->quoted ? std::nullopt : as_integer(node_->text);
  if (!value && !node_->quoted) {
    // 10.0 and 1e1 are whole numbers too: JSON knows one kind of number.
    const auto real = as_number(node_->text);
    static constexpr double kExact = 9007199254740992.0;  // 2^53
    if (real && std::trunc(*real) == *real && std::abs(*real) <= kExact) {
      value = static_cast<int64_t>(*real);
    }
  }
  if (!value) {
    error(fmt::format("is {}; write a whole number{}", describe(*node_), node_->quoted ? ", without quotes" : ""));
    return 0;
  }
  if (*value < least || *value > most) {
    error(fmt::format("is {}; write a number from {} to {}", *value, least, most));
    return 0;
  }
  return *value;
}

int32_t Cursor::int32() const {
  using Limits = std::numeric_limits<int32_t>;
  return static_cast<int32_t>(integer(Limits::min(), Limits::max()));
}

uint32_t Cursor::uint32() const { return static_cast<uint32_t>(integer(0, std::numeric_limits<uint32_t>::max())); }

int32_t Cursor::count() const { return static_cast<int32_t>(integer(0, std::numeric_limits<int32_t>::max())); }

uint16_t Cursor::port() const { return static_cast<uint16_t>(integer(1, std::numeric_limits<uint16_t>::max())); }

double Cursor::number(double least, double most) const {
  if (!expect(YamlNode::Kind::kScalar, "a number")) {
    return 0;
  }
  const auto value = node_->quoted ? std::nullopt : as_number(node_->text);
  if (!value) {
    error(fmt::format("is {}; write a number{}", describe(*node_), node_->quoted ? ", without quotes" : ""));
    return 0;
  }
  if (*value < least || *value > most) {
    const bool bounded = most < std::numeric_limits<double>::max();
    error(bounded ? fmt::format("is {}; write a number from {} to {}", *value, least, most)
                  : fmt::format("is {}; write a number not below {}", *value, least));
    return 0;
  }
  return *value;
}

std::chrono::milliseconds Cursor::duration() const { return read_duration(false); }
std::chrono::milliseconds Cursor::duration_or_zero() const { return read_duration(true); }

std::chrono::milliseconds Cursor::read_duration(bool zero_allowed) const {
  if (!expect(YamlNode::Kind::kScalar, "a duration such as 1.5s")) {
    return 0ms;
  }
  const bool number = type_of(*node_) != Scalar::kText;
  const auto value = number ? std::nullopt : parse_duration(node_->text);
  if (!value) {
    error(fmt::format("is {}; write a duration with its unit, such as 500ms, 1.5s or 1h", describe(*node_)));
    return 0ms;
  }
  if (*value < 1ms && !(zero_allowed && *value == 0ns)) {
    error(fmt::format("is {}; write a duration of at least 1ms{}", describe(*node_),
                      *value == 0ns ? ", or leave the field out" : ""));
    return 0ms;
  }
  if (*value % 1ms != 0ns) {
    error(fmt::format("is {}; write whole milliseconds", describe(*node_)));
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(*value);
}

std::string Cursor::word(std::initializer_list<std::string_view> words) const {
  if (!present()) {
    return {};
  }
  std::string text = string();
  if (std::ranges::find(words, text) == words.end()) {
    error(fmt::format("{} is not known; write one of {}", in_quotes(text), fmt::join(words, ", ")));
  }
  return text;
}

std::vector<Cursor> Cursor::items() const {
  std::vector<Cursor> found;
  if (!expect(YamlNode::Kind::kSequence, "a list")) {
    return found;
  }
  found.reserve(node_->children.size());
  for (const YamlNode& child : node_->children) {
    if (child.is_null()) {
      report_->error(child, "is empty; write a value, or remove this item of the list");
    } else {
      found.emplace_back(&child, *report_);
    }
  }
  return found;
}

std::vector<std::string> Cursor::strings(Check check) const {
  std::vector<std::string> texts;
  for (const Cursor& item : items()) {
    texts.push_back(item.string(check));
  }
  return texts;
}

std::vector<std::pair<std::string_view, Cursor>> Cursor::entries() const {
  std::vector<std::pair<std::string_view, Cursor>> found;
  if (!expect(YamlNode::Kind::kMap, "a map")) {
    return found;
  }
  found.reserve(node_->children.size());
  for (const YamlNode& child : node_->children) {
    found.emplace_back(child.key, Cursor(&child, *report_));
  }
  auto names = found;
  std::ranges::stable_sort(names, {}, &decltype(names)::value_type::first);
  for (size_t i = 1; i < names.size(); ++i) {
    if (names[i].first == names[i - 1].first) {
      names[i].second.error("is here twice; keep one");
    }
  }
  return found;
}

std::vector<std::pair<std::string, std::string>> Cursor::string_map() const {
  std::vector<std::pair<std::string, std::string>> map;
  for (const auto& [name, value] : entries()) {
    map.emplace_back(name, value.string());
  }
  return map;
}

Fields::Fields(const Cursor& at) : at_(at) {
  if (at_.present() && !at_.node()->is_map()) {
    at_.error(fmt::format("is {}; write a map of fields", describe(*at_.node())));
    at_ = Cursor(nullptr, at_.report());
  }
}

Fields::~Fields() {
  if (!at_.present() || at_.report().unknown_fields() == Report::UnknownFields::kIgnore) {
    return;
  }
  const auto known = std::span(names_).first(name_count_);
  for (const YamlNode& child : at_.node()->children) {
    if (at_.report().full()) {
      return;
    }
    if (std::ranges::find(known, child.key) == known.end()) {
      at_.report().error(child, "is not a field here; " + advice(child.key, known));
    }
  }
}

Cursor Fields::operator[](std::string_view name) {
  if (!at_.present()) {
    return {nullptr, at_.report()};
  }
  const auto known = std::span(names_).first(name_count_);
  if (std::ranges::find(known, name) != known.end()) {
    return {at_.node()->find(name), at_.report()};
  }
  assert(name_count_ < kMaxNames);
  names_[name_count_++] = name;
  const YamlNode* found = nullptr;
  for (const YamlNode& child : at_.node()->children) {
    if (child.key == name) {
      if (found != nullptr) {
        at_.report().error(child, "is here twice; keep one");
        break;
      }
      found = &child;
    }
  }
  return {found, at_.report()};
}

Cursor Fields::required(std::string_view name) {
  const Cursor value = (*this)[name];
  if (!value.present() && at_.present()) {
    at_.report().missing(*at_.node(), name);
  }
  return value;
}

void Fields::skip(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    static_cast<void>((*this)[name]);
  }
}

void Fields::at_most_one(std::initializer_list<std::string_view> names) {
  if (!at_.present()) {
    return;
  }
  const auto given = std::ranges::count_if(names, [&](std::string_view name) {
    const YamlNode* field = at_.node()->find(name);
    return field != nullptr && !field->is_null();
  });
  if (given > 1) {
    error(fmt::format("only one of {} may be set", fmt::join(names, ", ")));
  }
}

}  // namespace fairlead::model
