// Checks of single values: names, addresses, expressions. Pure functions; what they accept is what Istio's and
// Kubernetes' own validation accepts (istio/istio pkg/config/validation and pkg/config/labels; Kubernetes' "Object
// names and IDs").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairlead::model {

// What is wrong with a value and what to write instead; nothing if it is right.
using Problem = std::optional<std::string>;
using Check = Problem (*)(std::string_view);

// The value for a message: in quotes, on one line, shortened.
std::string in_quotes(std::string_view text);

bool is_dns_label(std::string_view text);  // as Istio does, upper case is allowed
bool is_token(std::string_view text);      // RFC 9110, section 5.6.2

Problem not_empty(std::string_view text);
Problem dns_label(std::string_view text);
Problem lower_dns_label(std::string_view text);  // names of namespaces
Problem object_name(std::string_view text);      // RFC 1123 subdomain
Problem domain_name(std::string_view text);
Problem wildcard_domain(std::string_view text);   // "*.example.com", "*"
Problem destination_host(std::string_view text);  // a wildcard domain, but not "*"
Problem label_key(std::string_view text);
Problem label_value(std::string_view text);
Problem port_name(std::string_view text);  // IANA service name, as a targetPort may be
Problem regex(std::string_view text);      // RE2, at most 1024 characters
Problem not_empty_regex(std::string_view text);
Problem ip_address(std::string_view text);
Problem ip_block(std::string_view text);  // an address, or an address with "/bits"
Problem gateway_name(std::string_view text);

// RFC 9110 field names; what a header operation may name (a request's set and add may also name the authority).
Problem header_name(std::string_view text);
Problem header_operation(std::string_view text);
Problem header_operation_or_authority(std::string_view text);
// Field values with Envoy's %OPERATOR% syntax: a lone % must be written %%.
Problem header_value(std::string_view text);

bool is_authority(std::string_view header);  // "host" or ":authority", whatever case
bool is_jwt_claim(std::string_view header);  // "@request.auth.claims.x" or "[x]"
// One name covers the other, "*" in front of a name standing for any text.
bool hosts_overlap(std::string_view a, std::string_view b);
bool host_within(std::string_view name, std::string_view pattern);

}  // namespace fairlead::model
