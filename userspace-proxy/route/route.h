// Routing of one HTTP request: a pure function of (route table, facts). No sockets, no allocation on the way to a
// match. Semantics: istio.io/latest/docs/reference/config/networking/virtual-service. Thread: immutable after build,
// any.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/config/string_match.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fairlead::config {
struct Cluster;
struct Workload;
namespace wire {
class RouteTable;
class HeaderOperations;
}  // namespace wire
}  // namespace fairlead::config
namespace fairlead::http {
struct RequestHead;
}

namespace fairlead::route {

// set overwrites, add appends a further field, remove takes all fields of that name away; names compare without case.
struct HeaderOperations {
  struct Header {
    std::string name, value;
  };
  std::vector<Header> set, add;
  std::vector<std::string> remove;  // lower case

  [[nodiscard]] bool empty() const { return set.empty() && add.empty() && remove.empty(); }
};

struct WeightedCluster {
  uint32_t weight = 0;
  const config::Cluster* cluster = nullptr;  // null: the destination does not exist
  HeaderOperations request_headers = {}, response_headers = {};
};

struct Forward {
  std::vector<WeightedCluster> clusters;
  uint64_t total_weight = 0;

  // Proportional to weight; `random` is uniform over 64 bits. REQUIRES: clusters not empty.
  [[nodiscard]] const WeightedCluster& pick(uint64_t random) const;
};

struct DirectResponse {
  uint16_t status = 200;
  std::string body;
};

struct Redirect {
  std::string uri = {}, authority = {}, scheme = {};
  uint16_t port = 0;
  uint16_t status = 301;
  bool derive_request_port = false;

  // The Location value for a request that was sent to `request_port`. Its query is kept, unless `uri` brings one; a
  // port that is the scheme's default is left out.
  [[nodiscard]] std::string location(const http::RequestHead& head, uint16_t request_port) const;
};

struct Match;

struct Route {
  std::string name;
  std::vector<Match> matches;  // one is enough; empty: everything
  std::variant<Forward, DirectResponse, Redirect> action;
  HeaderOperations request_headers, response_headers;
  std::chrono::milliseconds timeout{0};  // 0: none
  std::string rewrite_uri, rewrite_authority;

  // The path to send after rewrite.uri, for a request that `matched` (null: the route without conditions); nullopt: as
  // it is. The query is kept. A prefix match replaces the prefix, exact and regex the whole path.
  [[nodiscard]] std::optional<std::string> rewritten_target(const http::RequestHead& head, const Match* matched) const;
};

struct RouteTable {
  std::string name;  // "VirtualService/shop/reviews"
  std::vector<Route> routes;

  // `clusters`: by index, as the snapshot's wire form counts them. Errors name the field.
  static Result<std::unique_ptr<RouteTable>> build(const config::wire::RouteTable& wire,
                                                   std::span<const std::unique_ptr<config::Cluster>> clusters);

  struct Found {
    const Route* route = nullptr;  // null: no rule matches, 404
    const Match* match = nullptr;  // which of its conditions; null: it has none
  };
  // The first route that matches. `client`: the workload that sends it, null if unknown.
  [[nodiscard]] Found find(const http::RequestHead& head, const config::Workload* client) const;
};

struct HeaderMatch {
  std::string name;                          // lower case for headers
  std::optional<config::StringMatch> value;  // nullopt: presence
};

struct Match {
  std::optional<config::StringMatch> uri, scheme, method, authority;
  std::vector<HeaderMatch> headers, without_headers, query_params;
  bool ignore_uri_case = false;
  std::string source_namespace;
  std::map<std::string, std::string, std::less<>> source_labels;
  // What rewrite.uri replaces: the text of a prefix match, "/" without a uri condition (the prefix that Envoy then
  // matches), empty for exact and regex.
  std::string uri_prefix;

  [[nodiscard]] bool matches(const http::RequestHead& head, const config::Workload* client) const;
};

}  // namespace fairlead::route
