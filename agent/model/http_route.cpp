#include "agent/model/http_route.h"

#include "agent/model/value_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::model {

namespace {

constexpr size_t kMaxBody = size_t{1} << 20;
constexpr size_t kLargeBody = size_t{100} << 10;
constexpr int64_t kLeastStatus = 200;
constexpr int64_t kMostStatus = 600;  // Istio's own bound

using HeaderMap = std::vector<std::pair<std::string, std::string>>;

HeaderMap read_header_map(const Cursor& at, Check name_check) {
  HeaderMap headers;
  for (const auto& [name, value] : at.entries()) {
    if (Problem problem = name_check(name)) {
      value.error(std::move(*problem));
    }
    headers.emplace_back(name, value.string(header_value));
  }
  return headers;
}

HeaderOperations read_operations(const Cursor& at, Check name_check) {
  Fields fields(at);
  HeaderOperations operations;
  operations.set = read_header_map(fields["set"], name_check);
  operations.add = read_header_map(fields["add"], name_check);
  operations.remove = fields["remove"].strings(header_operation);
  return operations;
}

Headers read_headers(const Cursor& at) {
  Fields fields(at);
  Headers headers;
  headers.request = read_operations(fields["request"], header_operation_or_authority);
  headers.response = read_operations(fields["response"], header_operation);
  return headers;
}

std::vector<HttpRouteDestination> read_destinations(const Cursor& at) {
  std::vector<HttpRouteDestination> destinations;
  std::vector<uint32_t> weights;
  for (const Cursor& item : at.items()) {
    Fields fields(item);
    HttpRouteDestination destination;
    destination.destination = read_destination(fields.required("destination"));
    destination.weight = static_cast<uint32_t>(fields["weight"].count());
    destination.headers = read_headers(fields["headers"]);
    weights.push_back(destination.weight);
    destinations.push_back(std::move(destination));
  }
  check_weights(at, weights);
  return destinations;
}

HttpRedirect read_redirect(const Cursor& at, const std::vector<HttpMatch>& matches) {
  Fields fields(at);
  HttpRedirect redirect;
  redirect.uri = fields["uri"].string();
  const std::string prefix = fields["prefixRewrite"].string();
  redirect.authority = fields["authority"].string();
  const Cursor scheme = fields["scheme"];
  redirect.scheme = scheme.string();
  if (!redirect.scheme.empty() && redirect.scheme != "http" && redirect.scheme != "https") {
    scheme.error(fmt::format("is {}; write http or https", in_quotes(redirect.scheme)));
  }
  const Cursor port = fields["port"];
  const Cursor derive_port = fields["derivePort"];
  redirect.port = static_cast<uint16_t>(port.integer(0, UINT16_MAX));
  redirect.derive_request_port =
      derive_port.word({"FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"}) == "FROM_REQUEST_PORT";
  fields.at_most_one({"port", "derivePort"});
  // 0 is what an absent number is in Istio's API.
  const Cursor code = fields["redirectCode"];
  if (const uint32_t written = code.uint32(); written != 0) {
    redirect.code = static_cast<uint16_t>(code.integer(300, 399));
  }
  const bool names_target = !redirect.uri.empty() || !prefix.empty() || !redirect.authority.empty() ||
                            !redirect.scheme.empty() || port || derive_port;
  if (!names_target) {
    at.error("says no target; write uri, authority, scheme or port");
  }
  const bool all_prefixes = std::ranges::all_of(
      matches, [](const HttpMatch& match) { return !match.uri || match.uri->form == StringMatch::Form::kPrefix; });
  if (!prefix.empty() && (!redirect.uri.empty() || !all_prefixes)) {
    at.error("prefixRewrite needs matches on a uri prefix, and excludes uri");
  }
  return redirect;
}

HttpDirectResponse read_direct_response(const Cursor& at) {
  Fields fields(at);
  HttpDirectResponse response;
  response.status = static_cast<uint16_t>(fields.required("status").integer(kLeastStatus, kMostStatus));
  const Cursor body_at = fields["body"];
  Fields body(body_at);
  body.at_most_one({"string", "bytes"});
  response.body = body["string"].string();
  if (const Cursor bytes = body["bytes"]) {
    if (auto decoded = decode_base64(bytes.string())) {
      response.body = std::move(*decoded);
    } else {
      bytes.error("is not base64");
    }
  }
  if (response.body.size() > kMaxBody) {
    body_at.error("is larger than 1 MB");
  } else if (response.body.size() > kLargeBody) {
    body_at.warn("is larger than 100 KB; serve such a body from an application");
  }
  return response;
}

HttpDelegate read_delegate(const Cursor& at) {
  Fields fields(at);
  return {fields["name"].string(), fields["namespace"].string()};
}

void read_rewrite(const Cursor& at, HttpRoute& route) {
  Fields fields(at);
  route.rewrite_uri = fields["uri"].string();
  route.rewrite_authority = fields["authority"].string();
  const Cursor regex_at = fields["uriRegexRewrite"];
  Fields regex_fields(regex_at);
  if (regex_at) {
    static_cast<void>(regex_fields.required("match").string(not_empty_regex));
    static_cast<void>(regex_fields.required("rewrite").string(not_empty));
    if (!route.rewrite_uri.empty()) {
      at.error("only one of uri and uriRegexRewrite may be set");
    }
  } else if (at && route.rewrite_uri.empty() && route.rewrite_authority.empty()) {
    at.error("rewrites nothing; write uri, uriRegexRewrite or authority");
  }
}

// The authority may be rewritten in one place only.
void check_authority(const Cursor& at, const HttpRoute& route) {
  const auto named = [](const HeaderMap& headers) {
    return std::ranges::count_if(headers, [](const auto& header) { return is_authority(header.first); });
  };
  const auto times =
      named(route.headers.request.set) + named(route.headers.request.add) + (route.rewrite_authority.empty() ? 0 : 1);
  if (times > 1) {
    at.error("the authority is set in several places; keep one of rewrite.authority and headers.request");
  }
}

void check_targets(Fields& fields, const Cursor& at, const HttpRoute& route) {
  const bool fault = fields["fault"].present();
  const bool rewrite = fields["rewrite"].present();
  if (route.delegate) {
    if (route.redirect || fields["route"].present()) {
      at.error("a rule with a delegate has neither route nor redirect");
    }
    return;
  }
  const int targets = (route.destinations.empty() ? 0 : 1) + (route.redirect ? 1 : 0) + (route.direct_response ? 1 : 0);
  if (targets == 0) {
    at.error("sends requests nowhere; write route, redirect or directResponse");
  } else if (targets > 1) {
    at.error("only one of route, redirect and directResponse may be set");
  } else if (route.destinations.empty() && (fault || rewrite)) {
    at.error("fault and rewrite are for a route, not for redirect or directResponse");
  }
}

}  // namespace

Destination read_destination(const Cursor& at) {
  Fields fields(at);
  Destination destination;
  destination.host = fields.required("host").string(destination_host);
  if (const Cursor subset = fields["subset"]; subset && !subset.string().empty()) {
    destination.subset = subset.string(dns_label);
  }
  if (const Cursor port = fields["port"]) {
    Fields selector(port);
    destination.port = selector.required("number").port();
  }
  return destination;
}

void check_weights(const Cursor& at, const std::vector<uint32_t>& weights) {
  if (weights.size() > 1 && std::ranges::all_of(weights, [](uint32_t weight) { return weight == 0; })) {
    at.error("all weights are 0; give at least one destination a weight");
  }
}

HttpRoute read_http_route(const Cursor& at) {
  Fields fields(at);
  HttpRoute route;
  route.name = fields["name"].string();
  for (const Cursor& item : fields["match"].items()) {
    route.matches.push_back(read_http_match(item));
  }
  route.destinations = read_destinations(fields["route"]);
  if (const Cursor redirect = fields["redirect"]) {
    route.redirect = read_redirect(redirect, route.matches);
  }
  if (const Cursor response = fields["directResponse"]) {
    route.direct_response = read_direct_response(response);
  }
  if (const Cursor delegate = fields["delegate"]) {
    route.delegate = read_delegate(delegate);
  }
  read_rewrite(fields["rewrite"], route);
  route.timeout = fields["timeout"].duration();
  route.headers = read_headers(fields["headers"]);
  check_http_traffic(fields);
  check_authority(at, route);
  check_targets(fields, at, route);
  return route;
}

}  // namespace fairlead::model
