#include "agent/model/checks.h"

#include "userspace-proxy/base/address.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

namespace fairlead::model {

namespace {

constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxDomain = 255;
constexpr size_t kMaxSubdomain = 253;
constexpr size_t kMaxShown = 60;
constexpr size_t kMaxRegex = 1024;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_ignoring_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

template <size_t N>
bool contains(const std::string_view (&words)[N], std::string_view word) {
  return std::ranges::find(words, word) != std::end(words);
}

bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

// Alphanumeric at both ends, and in between also `inner`.
bool is_name(std::string_view text, std::string_view inner) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return is_alnum(c) || inner.contains(c); });
}

// DNS labels between dots, without the rules for the last one.
bool is_subdomain(std::string_view text) {
  for (std::string_view rest = text;;) {
    const size_t dot = rest.find('.');
    if (!is_name(rest.substr(0, dot), "-")) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return text.size() <= kMaxSubdomain;
    }
    rest.remove_prefix(dot + 1);
  }
}

bool has_upper(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

Problem domain_size(std::string_view text) {
  if (text.empty()) {
    return "is empty; write a DNS name";
  }
  if (text.size() > kMaxDomain) {
    return fmt::format("{} is longer than {} characters", in_quotes(text), kMaxDomain);
  }
  return std::nullopt;
}

// Labels between dots; the last may be empty ("istio.io."), but not all digits.
Problem domain_labels(std::string_view whole, std::string_view rest) {
  const std::string_view top = rest.substr(rest.rfind('.') + 1);
  if (all_digits(top)) {
    return fmt::format("{} is not a DNS name: the last label may not be a number", in_quotes(whole));
  }
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (dot == std::string_view::npos && label.empty() && rest.size() < whole.size()) {
      return std::nullopt;
    }
    if (!is_dns_label(label)) {
      return fmt::format("{} is not a DNS name: the label {} must be letters, digits and '-', at most {}",
                         in_quotes(whole), in_quotes(label), kMaxLabel);
    }
    if (dot == std::string_view::npos) {
      return std::nullopt;
    }
    rest.remove_prefix(dot + 1);
  }
}

// A normal label, "*", or a label with "*" or "*-" in front.
bool is_wildcard_label(std::string_view label) {
  if (label.size() > kMaxLabel) {
    return false;
  }
  if (label == "*") {
    return true;
  }
  if (label.starts_with('*')) {
    label.remove_prefix(label.starts_with("*-") ? 2 : 1);
  }
  return is_dns_label(label);
}

struct Unit {
  std::string_view name;
  double nanoseconds;
};

constexpr Unit kUnits[] = {{"ns", 1},   {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3},
                           {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},      {"h", 3600e9}};

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kMaxShown)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  if (text.size() > kMaxShown) {
    while (!out.empty() && (static_cast<uint8_t>(out.back()) & 0xC0) == 0x80) {
      out.pop_back();  // not in the middle of a UTF-8 sequence
    }
    if (static_cast<uint8_t>(out.back()) >= 0xC0) {
      out.pop_back();
    }
    out += "...";
  }
  return out + "\"";
}

bool is_dns_label(std::string_view text) { return text.size() <= kMaxLabel && is_name(text, "-"); }

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) { return is_alnum(c) || kMarks.contains(c); });
}

Problem not_empty(std::string_view text) {
  if (text.empty()) {
    return "may not be empty";
  }
  return std::nullopt;
}

Problem dns_label(std::string_view text) {
  if (!is_dns_label(text)) {
    return fmt::format("{} is not a DNS label: letters, digits and '-', at most {} characters", in_quotes(text),
                       kMaxLabel);
  }
  return std::nullopt;
}

Problem lower_dns_label(std::string_view text) {
  if (!is_dns_label(text) || has_upper(text)) {
    return fmt::format("{} is not a namespace's name: lower case letters, digits and '-', at most {} characters",
                       in_quotes(text), kMaxLabel);
  }
  return std::nullopt;
}

Problem object_name(std::string_view text) {
  if (has_upper(text) || !is_subdomain(text)) {
    return fmt::format("{} is not an object's name: lower case letters, digits, '-' and '.', at most {} characters",
                       in_quotes(text), kMaxSubdomain);
  }
  return std::nullopt;
}

Problem domain_name(std::string_view text) {
  if (Problem problem = domain_size(text)) {
    return problem;
  }
  return domain_labels(text, text);
}

Problem wildcard_domain(std::string_view text) {
  if (Problem problem = domain_size(text)) {
    return problem;
  }
  const size_t dot = text.find('.');
  if (!is_wildcard_label(text.substr(0, dot))) {
    return fmt::format("{} is not a DNS name: the label {} must be letters, digits and '-', or begin with '*'",
                       in_quotes(text), in_quotes(text.substr(0, dot)));
  }
  return dot == std::string_view::npos ? std::nullopt : domain_labels(text, text.substr(dot + 1));
}

Problem destination_host(std::string_view text) {
  if (text == "*") {
    return "\"*\" is no destination; write the name of one service";
  }
  return wildcard_domain(text);
}

Problem label_key(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view prefix = slash == std::string_view::npos ? std::string_view() : text.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? text : text.substr(slash + 1);
  bool valid = name.size() <= kMaxLabel && is_name(name, "-_.");
  if (slash != std::string_view::npos) {
    valid = valid && is_subdomain(prefix);
  }
  if (!valid) {
    return fmt::format(
        "{} is not a label's name: letters, digits, '-', '_' and '.', at most {} characters, with an "
        "optional DNS name and '/' in front",
        in_quotes(text), kMaxLabel);
  }
  return std::nullopt;
}

Problem label_value(std::string_view text) {
  if (!text.empty() && (text.size() > kMaxLabel || !is_name(text, "-_."))) {
    return fmt::format(
        "{} is not a label's value: letters, digits, '-', '_' and '.', a letter or digit at both ends, at "
        "most {} characters",
        in_quotes(text), kMaxLabel);
  }
  return std::nullopt;
}

Problem port_name(std::string_view text) {
  const bool letters = std::ranges::any_of(text, is_lower);
  if (text.size() > 15 || !letters || has_upper(text) || text.contains("--") || !is_name(text, "-")) {
    return fmt::format(
        "{} is not a port's name: at most 15 lower case letters, digits and single '-', with a letter in it",
        in_quotes(text));
  }
  return std::nullopt;
}

Problem regex(std::string_view text) {
  if (text.size() > kMaxRegex) {
    return fmt::format("the regular expression is longer than {} characters", kMaxRegex);
  }
  RE2::Options options(RE2::Quiet);
  const RE2 compiled(re2::StringPiece(text.data(), text.size()), options);
  if (!compiled.ok()) {
    return fmt::format("{} is not an RE2 expression: {} (https://github.com/google/re2/wiki/Syntax)", in_quotes(text),
                       compiled.error());
  }
  return std::nullopt;
}

Problem not_empty_regex(std::string_view text) { return text.empty() ? not_empty(text) : regex(text); }

Problem ip_address(std::string_view text) {
  if (!IpAddress::parse(text)) {
    return fmt::format("{} is not an IP address", in_quotes(text));
  }
  return std::nullopt;
}

Problem ip_block(std::string_view text) {
  if (!Cidr::parse(text)) {
    return fmt::format("{} is not an IP address or a block such as 10.0.0.0/8", in_quotes(text));
  }
  return std::nullopt;
}

Problem gateway_name(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return domain_name(text);
  }
  if (!is_dns_label(text.substr(0, slash)) || !is_dns_label(text.substr(slash + 1))) {
    return fmt::format("{} is not a gateway: write NAME, NAMESPACE/NAME, or mesh", in_quotes(text));
  }
  return std::nullopt;
}

Problem header_name(std::string_view text) {
  constexpr std::string_view kPseudo[] = {":method", ":scheme", ":authority", ":path", ":status"};
  if (is_jwt_claim(text) || contains(kPseudo, text) || is_token(text)) {
    return std::nullopt;
  }
  return fmt::format("{} is not a header's name", in_quotes(text));
}

Problem header_operation_or_authority(std::string_view text) {
  if (is_authority(text)) {
    return std::nullopt;
  }
  return header_operation(text);
}

Problem header_operation(std::string_view text) {
  if (text.empty()) {
    return "a header's name may not be empty";
  }
  if (equals_ignoring_case(text, "host")) {
    return "the Host header cannot be changed here; use rewrite.authority";
  }
  if (text.starts_with(':')) {
    return fmt::format("{} is a pseudo-header and cannot be changed", in_quotes(text));
  }
  return std::nullopt;
}

// Only the shape of %NAME%, %NAME(text)% and %NAME(["a", "b"])% is checked, not whether Envoy knows the name.
Problem header_value(std::string_view text) {
  enum class State : uint8_t { kText, kName, kArguments, kString, kListString, kListNext, kAfterList, kAfterArguments };
  const Problem wrong = fmt::format("{} is not a header's value: write %% for a plain %", in_quotes(text));
  State state = State::kText;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<uint8_t>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7F) {
      return fmt::format("{} is not a header's value: it has a control character", in_quotes(text));
    }
    switch (state) {
      case State::kText:
        if (c == '%') {
          const bool escaped = text.substr(i + 1).starts_with('%');
          i += escaped ? 1 : 0;
          state = escaped ? State::kText : State::kName;
        }
        break;
      case State::kName:
        state = c == '%' ? State::kText : c == '(' ? State::kArguments : State::kName;
        break;
      case State::kArguments:
        state = c == '[' ? State::kListString : c == ' ' ? State::kArguments : State::kString;
        break;
      case State::kString:
        i += c == '\\' ? 1 : 0;
        state = c == ')' ? State::kAfterArguments : c == '"' ? State::kListNext : State::kString;
        break;
      case State::kListString:
        if (c != '"' && c != ' ') {
          return wrong;
        }
        state = c == '"' ? State::kString : State::kListString;
        break;
      case State::kListNext:
        if (c != ',' && c != ']' && c != ' ') {
          return wrong;
        }
        state = c == ',' ? State::kListString : c == ']' ? State::kAfterList : State::kListNext;
        break;
      case State::kAfterList:
        if (c != ')' && c != ' ') {
          return wrong;
        }
        state = c == ')' ? State::kAfterArguments : State::kAfterList;
        break;
      case State::kAfterArguments:
        if (c != '%' && c != ' ') {
          return wrong;
        }
        state = c == '%' ? State::kText : State::kAfterArguments;
        break;
    }
  }
  return state == State::kText ? std::nullopt : wrong;
}

bool is_authority(std::string_view header) {
  return equals_ignoring_case(header, ":authority") || equals_ignoring_case(header, "host");
}

bool is_jwt_claim(std::string_view header) {
  constexpr std::string_view kPrefix = "@request.auth.claims";
  if (!equals_ignoring_case(header.substr(0, kPrefix.size()), kPrefix)) {
    return false;
  }
  const std::string_view rest = header.substr(kPrefix.size());
  return (rest.size() > 1 && rest.starts_with('.')) ||
         (rest.size() > 2 && rest.starts_with('[') && rest.ends_with(']'));
}

bool host_within(std::string_view name, std::string_view pattern) {
  if (!pattern.starts_with('*')) {
    return name == pattern;
  }
  if (name.starts_with('*')) {
    return name.size() >= pattern.size() && name.substr(1).ends_with(pattern.substr(1));
  }
  return name.ends_with(pattern.substr(1));
}

bool hosts_overlap(std::string_view a, std::string_view b) { return host_within(a, b) || host_within(b, a); }

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  if (text == "0") {
    return std::chrono::nanoseconds(0);
  }
  double total = 0;
  if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc() || (!is_digit(text.front()) && text.front() != '.')) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    size_t length = 0;
    while (length < text.size() && !is_digit(text[length]) && text[length] != '.') {
      ++length;
    }
    const auto* const unit = std::ranges::find(kUnits, text.substr(0, length), &Unit::name);
    if (unit == std::end(kUnits)) {
      return std::nullopt;
    }
    total += value * unit->nanoseconds;
    text.remove_prefix(length);
  }
  if (total > static_cast<double>(std::numeric_limits<int64_t>::max()) / 2) {
    return std::nullopt;
  }
  return std::chrono::nanoseconds(std::llround(negative ? -total : total));
}

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  std::string decoded;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) {
      return std::nullopt;
    }
    bits = (bits << 6) | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      decoded += static_cast<char>((bits >> count) & 0xFF);
    }
  }
  return decoded;
}

std::optional<bool> parse_go_bool(std::string_view text) {
  constexpr std::string_view kTrue[] = {"1", "t", "T", "TRUE", "true", "True"};
  constexpr std::string_view kFalse[] = {"0", "f", "F", "FALSE", "false", "False"};
  if (contains(kTrue, text)) {
    return true;
  }
  if (contains(kFalse, text)) {
    return false;
  }
  return std::nullopt;
}

}  // namespace fairlead::model
