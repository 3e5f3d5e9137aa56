#include "agent/model/http_route.h"
#include "agent/model/metadata.h"

#include <fmt/format.h>

namespace fairlead::model {

namespace {

using Form = StringMatch::Form;

constexpr std::string_view kAny = "*";  // as a "regex" without a header or with one: present, whatever its value

std::map<std::string, StringMatch> read_matches(const Cursor& at, Check name_check) {
  std::map<std::string, StringMatch> matches;
  for (const auto& [name, value] : at.entries()) {
    if (Problem problem = name_check == nullptr ? std::nullopt : name_check(name)) {
      value.error(std::move(*problem));
    }
    if (!value) {
      value.error("is empty; write exact, prefix or regex, or {} for any value");
    }
    if (auto match = read_string_match(value, EmptyPrefix::kRefuse)) {
      matches.emplace(name, std::move(*match));
    }
  }
  return matches;
}

// The regex "*" is not RE2, but Istio takes it here as "present" (and, of these maps, only here).
std::map<std::string, StringMatch> read_without_headers(const Cursor& at) {
  std::map<std::string, StringMatch> matches;
  for (const auto& [name, value] : at.entries()) {
    if (Problem problem = header_name(name)) {
      value.error(std::move(*problem));
    }
    const YamlNode* regex = value && value.node()->is_map() ? value.node()->find("regex") : nullptr;
    if (!value || (regex != nullptr && regex->text == kAny && value.node()->children.size() == 1)) {
      matches.emplace(name, StringMatch{Form::kPresent, {}});
    } else if (auto match = read_string_match(value, EmptyPrefix::kRefuse)) {
      matches.emplace(name, std::move(*match));
    }
  }
  return matches;
}

// A match on a property that every request has: an empty one is no condition.
std::optional<StringMatch> read_property(const Cursor& at, EmptyPrefix empty_prefix) {
  auto match = read_string_match(at, empty_prefix);
  return match && match->form == Form::kPresent ? std::nullopt : match;
}

}  // namespace

std::optional<StringMatch> read_string_match(const Cursor& at, EmptyPrefix empty_prefix) {
  if (!at) {
    return std::nullopt;
  }
  Fields fields(at);
  fields.at_most_one({"exact", "prefix", "regex"});
  StringMatch match{Form::kPresent, {}};
  if (const Cursor exact = fields["exact"]) {
    match = {Form::kExact, exact.string()};
  }
  if (const Cursor prefix = fields["prefix"]) {
    match = {Form::kPrefix, prefix.string(empty_prefix == EmptyPrefix::kRefuse ? not_empty : nullptr)};
  }
  if (const Cursor regex = fields["regex"]) {
    match = {Form::kRegex, regex.string(not_empty_regex)};
  }
  return match;
}

std::vector<std::string> read_gateways(const Cursor& at) {
  std::vector<std::string> gateways;
  for (const Cursor& item : at.items()) {
    gateways.push_back(item.string(gateway_name));
    if (gateways.back().find('/') == std::string::npos && gateways.back().find('.') != std::string::npos) {
      item.warn("is the former way to name a gateway of another namespace; write NAMESPACE/NAME");
    }
  }
  return gateways;
}

HttpMatch read_http_match(const Cursor& at) {
  Fields fields(at);
  HttpMatch match;
  match.name = fields["name"].string();
  match.uri = read_property(fields["uri"], EmptyPrefix::kAllow);
  match.scheme = read_property(fields["scheme"], EmptyPrefix::kRefuse);
  match.method = read_property(fields["method"], EmptyPrefix::kRefuse);
  match.authority = read_property(fields["authority"], EmptyPrefix::kRefuse);
  match.headers = read_matches(fields["headers"], header_name);
  match.without_headers = read_without_headers(fields["withoutHeaders"]);
  match.query_params = read_matches(fields["queryParams"], nullptr);
  match.ignore_uri_case = fields["ignoreUriCase"].boolean();
  // 0 is what an absent number is in Istio's API.
  match.port = static_cast<uint16_t>(fields["port"].integer(0, UINT16_MAX));
  match.source_labels = read_labels(fields["sourceLabels"]);
  match.source_namespace = fields["sourceNamespace"].string(dns_label);
  match.gateways = read_gateways(fields["gateways"]);
  static_cast<void>(fields["statPrefix"].string());
  return match;
}

}  // namespace fairlead::model
