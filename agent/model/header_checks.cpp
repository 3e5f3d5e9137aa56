#include "agent/model/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace fairlead::model {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_ignoring_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

enum class State : uint8_t {
  kText,
  kName,
  kArguments,
  kString,
  kListString,
  kListNext,
  kAfterList,
  kAfterArguments,
  kWrong
};

// Between the parts of an expression only spaces may stand: `wanted` leads on, anything else is wrong.
State after_spaces(State here, char c, char wanted, State there) {
  return c == wanted ? there : c == ' ' ? here : State::kWrong;
}

State next(State state, char c) {
  switch (state) {
    case State::kText:
      return c == '%' ? State::kName : State::kText;
    case State::kName:
      return c == '%' ? State::kText : c == '(' ? State::kArguments : State::kName;
    case State::kArguments:
      return c == '[' ? State::kListString : c == ' ' ? State::kArguments : State::kString;
    case State::kString:
      return c == ')' ? State::kAfterArguments : c == '"' ? State::kListNext : State::kString;
    case State::kListString:
      return after_spaces(state, c, '"', State::kString);
    case State::kListNext:
      return c == ',' ? State::kListString : after_spaces(state, c, ']', State::kAfterList);
    case State::kAfterList:
      return after_spaces(state, c, ')', State::kAfterArguments);
    case State::kAfterArguments:
      return after_spaces(state, c, '%', State::kText);
    case State::kWrong:
      break;
  }
  return State::kWrong;
}

}  // namespace

Problem header_name(std::string_view text) {
  static constexpr std::string_view kPseudo[] = {":method", ":scheme", ":authority", ":path", ":status"};
  if (is_jwt_claim(text) || std::ranges::find(kPseudo, text) != std::end(kPseudo) || is_token(text)) {
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

// The shape of %NAME%, %NAME(text)% and %NAME(["a", "b"])%, as Envoy's header parser walks it.
Problem header_value(std::string_view text) {
  State state = State::kText;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
      return fmt::format("{} is not a header's value: it has a control character", in_quotes(text));
    }
    const bool escaped =
        (state == State::kText && text.substr(i).starts_with("%%")) || (state == State::kString && text[i] == '\\');
    if (escaped) {
      ++i;
      continue;
    }
    state = next(state, text[i]);
  }
  if (state != State::kText) {
    return fmt::format("{} is not a header's value: write %% for a plain %", in_quotes(text));
  }
  return std::nullopt;
}

bool is_authority(std::string_view header) {
  return equals_ignoring_case(header, ":authority") || equals_ignoring_case(header, "host");
}

bool is_jwt_claim(std::string_view header) {
  static constexpr std::string_view kPrefix = "@request.auth.claims";
  if (!equals_ignoring_case(header.substr(0, kPrefix.size()), kPrefix)) {
    return false;
  }
  const std::string_view rest = header.substr(kPrefix.size());
  return (rest.size() > 1 && rest.starts_with('.')) ||
         (rest.size() > 2 && rest.starts_with('[') && rest.ends_with(']'));
}

}  // namespace fairlead::model
