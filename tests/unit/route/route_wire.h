// Routes in wire form, written as a user writes the YAML.
#pragma once

#include "userspace-proxy/config/snapshot.pb.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::test {

namespace wire = config::wire;

inline wire::StringMatch exact(const std::string& text) {
  wire::StringMatch result;
  result.set_exact(text);
  return result;
}
inline wire::StringMatch prefix(const std::string& text) {
  wire::StringMatch result;
  result.set_prefix(text);
  return result;
}
inline wire::StringMatch regex(const std::string& text) {
  wire::StringMatch result;
  result.set_regex(text);
  return result;
}
inline wire::StringMatch present() {
  wire::StringMatch result;
  result.set_present(true);
  return result;
}

// A name and its condition; without one: presence.
using NamedMatch = std::pair<std::string, std::optional<wire::StringMatch>>;

struct MatchSpec {
  std::optional<wire::StringMatch> uri = {}, scheme = {}, method = {}, authority = {};
  std::vector<NamedMatch> headers = {}, without_headers = {}, query_params = {};
  bool ignore_uri_case = false;
  std::string source_namespace = {};
  std::map<std::string, std::string> source_labels = {};
};

inline void add_named(google::protobuf::RepeatedPtrField<wire::HeaderMatch>* list, const std::vector<NamedMatch>& all) {
  for (const auto& [name, value] : all) {
    wire::HeaderMatch* match = list->Add();
    match->set_name(name);
    if (value) {
      *match->mutable_value() = *value;
    }
  }
}

inline wire::RouteMatch match_wire(const MatchSpec& spec) {
  wire::RouteMatch result;
  if (spec.uri) {
    *result.mutable_uri() = *spec.uri;
  }
  if (spec.scheme) {
    *result.mutable_scheme() = *spec.scheme;
  }
  if (spec.method) {
    *result.mutable_method() = *spec.method;
  }
  if (spec.authority) {
    *result.mutable_authority() = *spec.authority;
  }
  add_named(result.mutable_headers(), spec.headers);
  add_named(result.mutable_without_headers(), spec.without_headers);
  add_named(result.mutable_query_params(), spec.query_params);
  result.set_ignore_uri_case(spec.ignore_uri_case);
  result.set_source_namespace(spec.source_namespace);
  result.mutable_source_labels()->insert(spec.source_labels.begin(), spec.source_labels.end());
  return result;
}

// A route that answers `status` itself.
inline wire::Route answer(uint32_t status, const std::vector<MatchSpec>& matches = {}) {
  wire::Route result;
  result.set_name(std::to_string(status));
  result.mutable_direct_response()->set_status(status);
  for (const MatchSpec& match : matches) {
    *result.add_matches() = match_wire(match);
  }
  return result;
}

// A route to clusters: {weight, 1 + index}.
inline wire::Route forward(const std::vector<std::pair<uint32_t, uint32_t>>& clusters,
                           const std::vector<MatchSpec>& matches = {}) {
  wire::Route result = answer(200, matches);
  for (const auto& [weight, cluster] : clusters) {
    wire::WeightedCluster* to = result.mutable_forward()->add_clusters();
    to->set_weight(weight);
    to->set_cluster(cluster);
  }
  return result;
}

inline wire::RouteTable table_wire(const std::vector<wire::Route>& routes) {
  wire::RouteTable result;
  result.set_name("VirtualService/shop/web");
  for (const wire::Route& route : routes) {
    *result.add_routes() = route;
  }
  return result;
}

}  // namespace fairlead::test
