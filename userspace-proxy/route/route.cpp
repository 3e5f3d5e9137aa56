// Finding the route and the destination: no allocation, but where a header that came several times is matched.
#include "userspace-proxy/route/route.h"

#include "userspace-proxy/config/header_value.h"
#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/http/h1.h"

#include <algorithm>

namespace fairlead::route {
namespace {

using config::StringMatch;

bool fits(const std::optional<StringMatch>& condition, std::string_view text) {
  return !condition || condition->matches(text);
}

bool fits_path(const Match& match, std::string_view path) {
  if (!match.uri) {
    return true;
  }
  return match.ignore_uri_case ? match.uri->matches_ignoring_case(path) : match.uri->matches(path);
}

bool has_header(const HeaderMatch& wanted, const http::RequestHead& head) {
  std::string scratch;
  const auto value = config::header_value(head, wanted.name, scratch);
  return value && (!wanted.value || wanted.value->matches(*value));
}

// A missing header counts as an empty one here, except where presence is the question (Envoy's
// treat_missing_header_as_empty, which Istio sets for withoutHeaders).
bool lacks_header(const HeaderMatch& unwanted, const http::RequestHead& head) {
  std::string scratch;
  const auto value = config::header_value(head, unwanted.name, scratch);
  return unwanted.value ? !unwanted.value->matches(value.value_or(std::string_view())) : !value;
}

bool has_param(const HeaderMatch& wanted, const http::RequestHead& head) {
  const auto value = head.query_param(wanted.name);
  return value && (!wanted.value || wanted.value->matches(*value));
}

bool fits_client(const Match& match, const config::Workload* client) {
  if (match.source_namespace.empty() && match.source_labels.empty()) {
    return true;
  }
  if (client == nullptr || (!match.source_namespace.empty() && match.source_namespace != client->ns)) {
    return false;
  }
  return std::ranges::all_of(match.source_labels, [client](const auto& label) {
    const auto found = client->labels.find(label.first);
    return found != client->labels.end() && found->second == label.second;
  });
}

}  // namespace

bool Match::matches(const http::RequestHead& head, const config::Workload* client) const {
  return fits_client(*this, client) && fits(method, head.method) && fits_path(*this, head.path) &&
         fits(scheme, config::kRequestScheme) && fits(authority, head.authority) &&
         std::ranges::all_of(headers, [&](const HeaderMatch& m) { return has_header(m, head); }) &&
         std::ranges::all_of(without_headers, [&](const HeaderMatch& m) { return lacks_header(m, head); }) &&
         std::ranges::all_of(query_params, [&](const HeaderMatch& m) { return has_param(m, head); });
}

RouteTable::Found RouteTable::find(const http::RequestHead& head, const config::Workload* client) const {
  for (const Route& route : routes) {
    if (route.matches.empty()) {
      return {.route = &route};
    }
    for (const Match& match : route.matches) {
      if (match.matches(head, client)) {
        return {.route = &route, .match = &match};
      }
    }
  }
  return {};
}

const WeightedCluster& Forward::pick(uint64_t random) const {
  // The high half of random * total is uniform over [0, total): every slot gets 2^64 / total values, one more or less.
  auto slot = static_cast<uint64_t>((static_cast<unsigned __int128>(random) * total_weight) >> 64);
  for (const WeightedCluster& cluster : clusters) {
    if (slot < cluster.weight) {
      return cluster;
    }
    slot -= cluster.weight;
  }
  return clusters.back();  // not reached: the weights add up to total_weight
}

}  // namespace fairlead::route
