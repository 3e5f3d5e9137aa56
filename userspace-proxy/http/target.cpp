#include "userspace-proxy/http/target.h"

#include "userspace-proxy/http/path.h"
#include "userspace-proxy/http/scan.h"

namespace fairlead::http {
namespace {

bool is_port(std::string_view text) {
  uint32_t port = 0;
  for (const char c : text) {
    port = port * 10 + static_cast<uint32_t>(c - '0');
    if (!scan::is_digit(c) || port > 65535) {
      return false;
    }
  }
  return true;  // RFC 3986 allows "host:"
}

// "[", an IPv6 address, "]". Whether the address is one does not matter: nothing but a route's host is compared with
// it.
size_t ip_literal_size(std::string_view text) {
  const size_t close = text.find(']');
  if (close == std::string_view::npos || close == 1) {
    return 0;
  }
  for (const char c : text.substr(1, close - 1)) {
    if (!scan::is(c, scan::kHex) && c != ':' && c != '.') {
      return 0;
    }
  }
  return close + 1;
}

void split_query(RequestHead& head, std::string_view rest) {
  const size_t mark = rest.find('?');
  head.path = rest.substr(0, mark);
  head.has_query = mark != std::string_view::npos;
  if (head.has_query) {
    head.query = rest.substr(mark + 1);
  }
}

// "http://AUTHORITY[/PATH][?QUERY]". https is refused: it does not come in the clear, and nothing else speaks HTTP/1.1
// here (Envoy answers 403). Istio's BASE would accept what the next hop reads as another origin.
std::string_view resolve_absolute(RequestHead& head) {
  static constexpr std::string_view kScheme = "http://";
  if (!equals_ignoring_case(head.target.substr(0, kScheme.size()), kScheme)) {
    return "target without a slash";
  }
  const std::string_view rest = head.target.substr(kScheme.size());
  const size_t authority_end = rest.find_first_of("/?");
  head.authority = rest.substr(0, authority_end);
  head.target_names_authority = true;
  if (!is_authority(head.authority)) {
    return "bad authority in the target";
  }
  split_query(head, authority_end == std::string_view::npos ? std::string_view{} : rest.substr(authority_end));
  if (head.path.empty()) {
    head.path = head.method == "OPTIONS" && !head.has_query ? "*" : "/";  // RFC 9112 section 3.2.4
  }
  return {};
}

}  // namespace

bool is_authority(std::string_view text) {
  const size_t host = text.starts_with('[') ? ip_literal_size(text) : scan::prefix_size(text, scan::kHost);
  if (host == 0) {
    return false;
  }
  return host == text.size() || (text[host] == ':' && is_port(text.substr(host + 1)));
}

std::string_view resolve_target(RequestHead& head, uint8_t classes, std::string_view host) {
  if (!is_authority(host)) {
    return "bad Host";
  }
  head.authority = host;
  const bool delimited = (classes & scan::kDelimits) != 0;
  if (delimited) {
    head.target = head.target.substr(0, head.target.find('#'));
  }
  if (head.method == "CONNECT") {
    head.authority = head.target;
    head.target_names_authority = true;
    return is_authority(head.target) ? std::string_view{} : "bad authority in the target";
  }
  if (head.target == "*") {
    head.path = head.target;
    return head.method == "OPTIONS" ? std::string_view{} : "target without a slash";
  }
  if (!head.target.starts_with('/')) {
    if (const std::string_view wrong = resolve_absolute(head); !wrong.empty()) {
      return wrong;
    }
  } else if (delimited) {
    split_query(head, head.target);
  } else {
    head.path = head.target;
  }
  if ((classes & scan::kPathEdit) != 0 && head.path.starts_with('/')) {
    const Normalised normalised = normalise_path(head.path, head.normalised_path);
    if (normalised == Normalised::kRefused) {
      return "path that two readers may decode differently";
    }
    if (normalised == Normalised::kChanged) {
      head.path = head.normalised_path;
      head.path_was_normalised = true;
    }
  }
  return {};
}

}  // namespace fairlead::http
