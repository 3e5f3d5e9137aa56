// Where a request goes on to: the rewritten path, and the Location of a redirect.
#include "userspace-proxy/config/header_value.h"
#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/route/route.h"

#include <fmt/format.h>

namespace fairlead::route {
namespace {

constexpr uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

// What a client that changes to another scheme must not take along.
constexpr std::string_view kRequestDefaultPort = ":80";

void append_query(std::string& target, const http::RequestHead& head) {
  if (head.has_query) {
    target += '?';
    target += head.query;
  }
}

// "web:80" -> {"web", ":80"}, "[fd00::1]" -> {"[fd00::1]", ""}
struct Authority {
  std::string_view host, port;
};

Authority split(std::string_view authority) {
  const size_t from = authority.starts_with('[') ? authority.find(']') : 0;
  const size_t colon = authority.find(':', from == std::string_view::npos ? 0 : from);
  if (colon == std::string_view::npos) {
    return {authority, {}};
  }
  return {authority.substr(0, colon), authority.substr(colon)};
}

}  // namespace

std::optional<std::string> Route::rewritten_target(const http::RequestHead& head, const Match* matched) const {
  if (rewrite_uri.empty()) {
    return std::nullopt;
  }
  const std::string_view prefix = matched == nullptr ? std::string_view("/") : std::string_view(matched->uri_prefix);
  if (head.path.size() < prefix.size() || !http::equals_ignoring_case(head.path.substr(0, prefix.size()), prefix)) {
    return std::nullopt;  // "OPTIONS *" under a route without a path condition
  }
  std::string target = rewrite_uri;
  if (!prefix.empty()) {
    target += head.path.substr(prefix.size());
  }
  append_query(target, head);
  return target;
}

std::string Redirect::location(const http::RequestHead& head, uint16_t request_port) const {
  const std::string_view to_scheme = scheme.empty() ? config::kRequestScheme : std::string_view(scheme);
  const uint16_t to_port = derive_request_port ? request_port : port;

  Authority to = split(authority.empty() ? head.authority : std::string_view(authority));
  const std::string configured_port =
      to_port == 0 || to_port == default_port(to_scheme) ? std::string() : fmt::format(":{}", to_port);
  if (to_port != 0) {
    to.port = configured_port;
  } else if (authority.empty() && to_scheme != config::kRequestScheme && to.port == kRequestDefaultPort) {
    to.port = {};
  }

  std::string location = fmt::format("{}://{}{}", to_scheme, to.host, to.port);
  if (uri.empty()) {
    location += head.path;
  } else {
    location += uri;
  }
  if (uri.find('?') == std::string::npos) {
    append_query(location, head);
  }
  return location;
}

}  // namespace fairlead::route
