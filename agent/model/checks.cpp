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
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
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

}  // namespace fairlead::model
