#include "userspace-proxy/config/header_value.h"

namespace fairlead::config {
namespace {

std::string_view path_with_query(const http::RequestHead& head, std::string& scratch) {
  if (!head.has_query) {
    return head.path;
  }
  scratch.assign(head.path);
  scratch += '?';
  scratch += head.query;
  return scratch;
}

std::optional<std::string_view> pseudo_header(const http::RequestHead& head, std::string_view name,
                                              std::string& scratch) {
  if (name == ":path") {
    return path_with_query(head, scratch);
  }
  if (name == ":method") {
    return head.method;
  }
  if (name == ":authority") {
    return head.authority;
  }
  if (name == ":scheme") {
    return kRequestScheme;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> header_value(const http::RequestHead& head, std::string_view lower_name,
                                             std::string& scratch) {
  if (lower_name.starts_with(':')) {
    return pseudo_header(head, lower_name, scratch);
  }
  // An absolute-form target replaces the Host field (RFC 9112 section 3.2.2), so conditions must not read the field.
  if (lower_name == "host") {
    return head.authority;
  }
  return head.fields.joined(lower_name, scratch);
}

}  // namespace fairlead::config
