#include "userspace-proxy/config/string_match.h"

#include "userspace-proxy/http/h1.h"

#include <re2/re2.h>

namespace fairlead::config {
namespace {

// RE2 bounds both the program and, at run time, its cache of automaton states by this. Most patterns need far less than
// 1 MiB; one that does not compile within it gets RE2's own default, so that what Istio takes is taken here too.
constexpr int64_t kFirstRegexMemory = 1 << 20;
constexpr int64_t kSecondRegexMemory = 8 << 20;

std::shared_ptr<const re2::RE2> compile(const std::string& pattern, int64_t memory) {
  re2::RE2::Options options;  // UTF-8, as Envoy reads the same patterns
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(memory);
  return std::make_shared<const re2::RE2>(pattern, options);
}

}  // namespace

StringMatch StringMatch::exact(std::string text) { return {Form::kExact, std::move(text)}; }
StringMatch StringMatch::prefix(std::string text) { return {Form::kPrefix, std::move(text)}; }
StringMatch StringMatch::present() { return {Form::kPresent, {}}; }

Result<StringMatch> StringMatch::regex(const std::string& pattern) {
  auto regex = compile(pattern, kFirstRegexMemory);
  if (regex->error_code() == re2::RE2::ErrorPatternTooLarge) {
    regex = compile(pattern, kSecondRegexMemory);
  }
  if (!regex->ok()) {
    return fail("bad regular expression \"" + pattern + "\": " + regex->error());
  }
  StringMatch match(Form::kRegex, {});
  match.regex_ = std::move(regex);
  return match;
}

StringMatch StringMatch::glob(std::string_view text) {
  if (text == "*") {
    return present();
  }
  if (text.starts_with('*')) {
    return {Form::kSuffix, std::string(text.substr(1))};
  }
  if (text.ends_with('*')) {
    return prefix(std::string(text.substr(0, text.size() - 1)));
  }
  return exact(std::string(text));
}

bool StringMatch::matches(std::string_view text) const {
  switch (form_) {
    case Form::kExact:
      return text == text_;
    case Form::kPrefix:
      return text.starts_with(text_);
    case Form::kSuffix:
      return text.ends_with(text_);
    case Form::kRegex:
      return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex_);
    case Form::kPresent:
      return !text.empty();
  }
  return false;
}

bool StringMatch::matches_ignoring_case(std::string_view text) const {
  const bool long_enough = text.size() >= text_.size();
  switch (form_) {
    case Form::kExact:
      return http::equals_ignoring_case(text, text_);
    case Form::kPrefix:
      return long_enough && http::equals_ignoring_case(text.substr(0, text_.size()), text_);
    case Form::kSuffix:
      return long_enough && http::equals_ignoring_case(text.substr(text.size() - text_.size()), text_);
    case Form::kRegex:
    case Form::kPresent:
      return matches(text);
  }
  return false;
}

}  // namespace fairlead::config
