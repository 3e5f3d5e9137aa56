// http URLs (bench/own_pods.h): as much of RFC 3986 as a load needs.
#include "agent/bench/own_pods.h"

#include <fmt/format.h>

#include <charconv>

namespace fairlead::bench {

Result<Url> parse_url(std::string_view text) {
  const std::string_view whole = text;
  const auto wrong = [&](std::string_view what) { return fail(fmt::format("{}: {}", whole, what)); };
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with("https://")) {
    return wrong("https is not measured; write an http URL");
  }
  if (!text.starts_with(kScheme)) {
    return wrong("no http URL; write http://HOST[:PORT][/PATH]");
  }
  text.remove_prefix(kScheme.size());
  const size_t end = std::min(text.find_first_of("/?#"), text.size());
  Url url;
  url.authority = text.substr(0, end);
  std::string_view path = text.substr(end);
  path = path.substr(0, path.find('#'));
  url.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
  std::string_view host = url.authority;
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    const std::string_view digits = host.substr(colon + 1);
    const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (error != std::errc() || last != digits.data() + digits.size() || url.port == 0) {
      return wrong(fmt::format("\"{}\" is no port", digits));
    }
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || text.substr(0, end).find_first_of("@ \r\n") != std::string_view::npos ||
      url.path.find_first_of(" \r\n") != std::string::npos) {
    return wrong("no http URL; write http://HOST[:PORT][/PATH]");
  }
  url.host = host;
  return url;
}

}  // namespace fairlead::bench
