// The text conditions of Istio's configuration. Immutable after construction, any thread.
#pragma once

#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace fairlead::config {

// exact, prefix, regex (RE2, the whole text) or presence: the forms of a VirtualService (StringMatch).
class StringMatch {
 public:
  static StringMatch exact(std::string text);
  static StringMatch prefix(std::string text);
  static Result<StringMatch> regex(const std::string& pattern);
  static StringMatch present();
  // AuthorizationPolicy's notation: "a*" prefix, "*a" suffix, "*" present (not empty), anything else exact; an asterisk
  // in the middle is an ordinary character.
  static StringMatch glob(std::string_view text);

  [[nodiscard]] bool matches(std::string_view text) const;
  // ASCII case folded; regex is not affected (VirtualService's ignoreUriCase).
  [[nodiscard]] bool matches_ignoring_case(std::string_view text) const;
  // A condition that holds for every text (prefix "/" on a path is not known here).
  [[nodiscard]] bool is_presence() const { return form_ == Form::kPresent; }

 private:
  enum class Form : uint8_t { kExact, kPrefix, kSuffix, kRegex, kPresent };
  StringMatch(Form form, std::string text) : form_(form), text_(std::move(text)) {}

  Form form_;
  std::string text_;
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace fairlead::config
