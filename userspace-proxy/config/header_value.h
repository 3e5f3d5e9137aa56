// A request header's value as conditions of configuration see it: names without case, several fields of one name joined
// with "," (as Envoy does for its matchers), pseudo-headers by their HTTP/2 names. Thread: any.
#pragma once

#include "userspace-proxy/http/h1.h"

#include <optional>
#include <string>
#include <string_view>

namespace fairlead::config {

// Of the requests that reach the engines; TLS from clients ends before them.
inline constexpr std::string_view kRequestScheme = "http";

// nullopt: no such field. `lower_name`: lower case; ":path" (with the query), ":method", ":authority" (also "host") and
// ":scheme" come from the request line. `scratch` is written, and may allocate, only where several fields, or path and
// query, have to be put together; the result may point into it.
std::optional<std::string_view> header_value(const http::RequestHead& head, std::string_view lower_name,
                                             std::string& scratch);

}  // namespace fairlead::config
