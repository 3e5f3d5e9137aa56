#include "agent/compile/rules.h"

#include "agent/compile/virtual_services.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace fairlead::compile {
namespace {

namespace wire = config::wire;
using Form = model::StringMatch::Form;

// Keys that HttpMatchRequest.headers ignores: the conditions have fields of their own.
constexpr std::array<std::string_view, 4> kIgnoredHeaders = {"uri", "scheme", "method", "authority"};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  return text;
}

wire::StringMatch text_to_wire(const model::StringMatch& match) {
  wire::StringMatch out;
  switch (match.form) {
    case Form::kExact:
      out.set_exact(match.text);
      break;
    case Form::kPrefix:
      out.set_prefix(match.text);
      break;
    case Form::kRegex:
      out.set_regex(match.text);
      break;
    case Form::kPresent:
      out.set_present(true);
      break;
  }
  return out;
}

// An empty match, and the regex "*" (which is none), ask for presence (istiod: translateHeaderMatch).
bool asks_for_presence(const model::StringMatch& match) {
  return match.form == Form::kPresent || (match.form == Form::kRegex && match.text == "*");
}

wire::HeaderMatch field_to_wire(std::string name, const model::StringMatch& match) {
  wire::HeaderMatch out;
  out.set_name(std::move(name));
  if (!asks_for_presence(match)) {
    *out.mutable_value() = text_to_wire(match);
  }
  return out;
}

using Fields = std::map<std::string, model::StringMatch>;
using WireFields = google::protobuf::RepeatedPtrField<wire::HeaderMatch>;

void headers_to_wire(const Fields& headers, WireFields* out) {
  for (const auto& [name, match] : headers) {
    std::string key = lower(name);
    if (std::ranges::find(kIgnoredHeaders, key) == kIgnoredHeaders.end()) {
      *out->Add() = field_to_wire(std::move(key), match);
    }
  }
}

void set_text(const std::optional<model::StringMatch>& match, wire::StringMatch* (wire::RouteMatch::*field)(),
              wire::RouteMatch& out) {
  if (match && match->form != Form::kPresent) {
    *(out.*field)() = text_to_wire(*match);
  }
}

wire::RouteMatch match_to_wire(const model::HttpMatch& match) {
  wire::RouteMatch out;
  set_text(match.uri, &wire::RouteMatch::mutable_uri, out);
  set_text(match.scheme, &wire::RouteMatch::mutable_scheme, out);
  set_text(match.method, &wire::RouteMatch::mutable_method, out);
  set_text(match.authority, &wire::RouteMatch::mutable_authority, out);
  headers_to_wire(match.headers, out.mutable_headers());
  headers_to_wire(match.without_headers, out.mutable_without_headers());
  for (const auto& [name, value] : match.query_params) {
    *out.add_query_params() = field_to_wire(name, value);
  }
  out.set_ignore_uri_case(match.ignore_uri_case);
  out.set_source_namespace(match.source_namespace);
  // Istio does not look at sourceLabels where gateways are named, not even where `mesh` is among them.
  if (match.gateways.empty()) {
    out.mutable_source_labels()->insert(match.source_labels.begin(), match.source_labels.end());
  }
  return out;
}

bool matches_every_path(const wire::StringMatch& uri) { return uri.prefix() == "/" || uri.regex() == ".*"; }

bool matches_everything(const wire::RouteMatch& match) {
  return (!match.has_uri() || matches_every_path(match.uri())) && !match.has_scheme() && !match.has_method() &&
         !match.has_authority() && match.headers().empty() && match.without_headers().empty() &&
         match.query_params().empty() && match.source_namespace().empty() && match.source_labels().empty();
}

void redirect_to_wire(const model::HttpRedirect& redirect, wire::RedirectAction& out) {
  out.set_uri(redirect.uri);
  out.set_authority(redirect.authority);
  out.set_scheme(redirect.scheme);
  out.set_port(redirect.port);
  out.set_status(redirect.code);
  out.set_derive_request_port(redirect.derive_request_port);
}

void headers_to_wire(const std::vector<std::pair<std::string, std::string>>& headers,
                     google::protobuf::RepeatedPtrField<wire::Header>* out) {
  auto sorted = headers;
  // Istio applies them in the order of their names.
  std::ranges::stable_sort(sorted, {}, &std::pair<std::string, std::string>::first);
  for (auto& [name, value] : sorted) {
    wire::Header& header = *out->Add();
    // Both are names of the same field for Istio; on the wire of HTTP/1.1 it is Host.
    header.set_name(name == ":authority" ? "Host" : std::move(name));
    header.set_value(std::move(value));
  }
}

wire::Route without_matches(const model::HttpRoute& rule) {
  wire::Route out;
  out.set_name(rule.name);
  if (rule.redirect) {
    redirect_to_wire(*rule.redirect, *out.mutable_redirect());
  } else if (rule.direct_response) {
    out.mutable_direct_response()->set_status(rule.direct_response->status);
    out.mutable_direct_response()->set_body(rule.direct_response->body);
  }
  *out.mutable_request_headers() = operations_to_wire(rule.headers.request);
  *out.mutable_response_headers() = operations_to_wire(rule.headers.response);
  out.set_timeout_ms(static_cast<uint32_t>(rule.timeout.count()));
  if (!rule.rewrite_uri.empty() || !rule.rewrite_authority.empty()) {
    out.mutable_rewrite()->set_uri(rule.rewrite_uri);
    out.mutable_rewrite()->set_authority(rule.rewrite_authority);
  }
  return out;
}

// "rule", or "rule.match" where the match has a name.
std::string route_name(const std::string& rule, const std::string& match) {
  return match.empty() ? rule : rule.empty() ? match : fmt::format("{}.{}", rule, match);
}

}  // namespace

wire::HeaderOperations operations_to_wire(const model::HeaderOperations& operations) {
  wire::HeaderOperations out;
  headers_to_wire(operations.set, out.mutable_set());
  headers_to_wire(operations.add, out.mutable_add());
  for (const std::string& name : operations.remove) {
    out.add_remove(lower(name));
  }
  return out;
}

bool is_catch_all(const wire::Route& route) {
  return route.matches().empty() || std::ranges::any_of(route.matches(), matches_everything);
}

std::vector<wire::Route> rule_to_wire(const model::HttpRoute& rule, uint16_t port) {
  const wire::Route base = without_matches(rule);
  const bool named =
      std::ranges::any_of(rule.matches, [](const model::HttpMatch& match) { return !match.name.empty(); });
  std::vector<wire::Route> out;
  for (const model::HttpMatch& match : rule.matches) {
    if (!match_applies(match, port)) {
      continue;
    }
    if (named || out.empty()) {
      out.push_back(base);
      out.back().set_name(route_name(rule.name, match.name));
    }
    *out.back().add_matches() = match_to_wire(match);
  }
  if (rule.matches.empty()) {
    out.push_back(base);
  }
  return out;
}

}  // namespace fairlead::compile
