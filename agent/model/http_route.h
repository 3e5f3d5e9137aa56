// The http rules of a VirtualService, and the parts that tcp and tls rules share with them.
#pragma once

#include "agent/model/objects.h"
#include "agent/model/reader.h"

#include <string>
#include <utility>
#include <vector>

namespace fairlead::model {

HttpRoute read_http_route(const Cursor& at);
// The conditions alone (http_match.cpp).
HttpMatch read_http_match(const Cursor& at);
// retries, fault, mirror, corsPolicy: checked, and nothing else yet (http_traffic.cpp).
void check_http_traffic(Fields& route);

// exact, prefix or regex; a present but empty match is kPresent. nullopt where absent.
enum class EmptyPrefix : uint8_t { kRefuse, kAllow };
std::optional<StringMatch> read_string_match(const Cursor& at, EmptyPrefix empty_prefix);

Destination read_destination(const Cursor& at);
std::vector<std::string> read_gateways(const Cursor& at);

// A route's destinations share the weight: not all of several may be 0. `weights` in the order of `at`'s items.
void check_weights(const Cursor& at, const std::vector<uint32_t>& weights);

}  // namespace fairlead::model
