#include "userspace-proxy/policy/path_template.h"

#include <algorithm>

namespace fairlead::policy {
namespace {

constexpr std::string_view kOneSegment = "{*}";
constexpr std::string_view kAnyRest = "{**}";

bool is_pchar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~%!$&'()+,;:@=").find(c) != std::string_view::npos;
}

bool is_segment(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_pchar); }

bool is_rest(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '/' || is_pchar(c); });
}

// Takes "/SEGMENT" off the front of `path`.
std::string_view take_segment(std::string_view& path) {
  const size_t end = std::min(path.find('/', 1), path.size());
  const std::string_view segment = path.substr(1, end - 1);
  path.remove_prefix(end);
  return segment;
}

}  // namespace

bool PathTemplate::is_template(std::string_view path) {
  return path.find(kOneSegment) != std::string_view::npos || path.find(kAnyRest) != std::string_view::npos;
}

Result<PathTemplate> PathTemplate::parse(std::string_view path) {
  if (!path.starts_with('/')) {
    return fail("a path template begins with /");
  }
  PathTemplate result;
  while (!path.empty()) {
    const std::string_view segment = take_segment(path);
    const bool is_operator = segment == kOneSegment || segment == kAnyRest;
    if (is_operator && result.rest_) {
      return fail("nothing but literal segments may follow {**} in a path template");
    }
    if (segment == kAnyRest) {
      result.rest_ = true;
    } else if (segment == kOneSegment) {
      result.segments_.emplace_back();
    } else if (segment.empty() && path.empty()) {
      result.tail_ += '/';
    } else if (!is_segment(segment)) {
      return fail("a path template's segment is {*}, {**} or plain text without braces, asterisk and blanks, not \"" +
                  std::string(segment) + "\"");
    } else if (result.rest_) {
      result.tail_.append("/").append(segment);
    } else {
      result.segments_.emplace_back(segment);
    }
  }
  return result;
}

bool PathTemplate::matches(std::string_view path) const {
  for (const std::string& wanted : segments_) {
    if (!path.starts_with('/')) {
      return false;
    }
    const std::string_view segment = take_segment(path);
    if (wanted.empty() ? !is_segment(segment) : segment != wanted) {
      return false;
    }
  }
  if (!rest_) {
    return path == tail_;
  }
  if (!path.starts_with('/')) {
    return false;
  }
  path.remove_prefix(1);
  return path.ends_with(tail_) && is_rest(path.substr(0, path.size() - tail_.size()));
}

}  // namespace fairlead::policy
