// RouteTable::build: from the wire form. Errors name the field as the wire form does.
#include "userspace-proxy/config/field_path.h"
#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/config/snapshot.pb.h"
#include "userspace-proxy/route/route.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fairlead::route {
namespace {

namespace wire = config::wire;
using config::FieldPath;
using config::StringMatch;
using Clusters = std::span<const std::unique_ptr<config::Cluster>>;

// nullopt: no condition (neither form is set), or presence of a header.
Result<std::optional<StringMatch>> text_condition(const wire::StringMatch& wire, const FieldPath& path) {
  switch (wire.form_case()) {
    case wire::StringMatch::kExact:
      return StringMatch::exact(wire.exact());
    case wire::StringMatch::kPrefix:
      return StringMatch::prefix(wire.prefix());
    case wire::StringMatch::kPresent:
      if (!wire.present()) {
        return path.at("present").fail("false means nothing; absence is a condition of without_headers");
      }
      return StringMatch::present();
    case wire::StringMatch::kRegex: {
      auto regex = StringMatch::regex(wire.regex());
      if (!regex) {
        return path.at("regex").fail(regex.error().message());
      }
      return std::move(*regex);
    }
    case wire::StringMatch::FORM_NOT_SET:
      break;
  }
  return std::nullopt;
}

Result<std::vector<HeaderMatch>> header_conditions(const google::protobuf::RepeatedPtrField<wire::HeaderMatch>& list,
                                                   std::string_view name, const FieldPath& parent) {
  std::vector<HeaderMatch> result;
  for (int i = 0; i < list.size(); ++i) {
    const wire::HeaderMatch& wire = list[i];
    const FieldPath path = parent.at(name, i);
    if (wire.name().empty()) {
      return path.at("name").fail("empty");
    }
    HeaderMatch match{.name = wire.name(), .value = {}};
    // Istio reads the regular expression "*" as presence; as an expression it would be none.
    if (wire.has_value() && wire.value().regex() != "*") {
      auto value = text_condition(wire.value(), path.at("value"));
      if (!value) {
        return std::unexpected(value.error());
      }
      match.value = std::move(*value);
      if (match.value && match.value->is_presence()) {
        match.value.reset();
      }
    }
    result.push_back(std::move(match));
  }
  return result;
}

// rewrite.uri replaces a prefix, or the whole path where the condition is on the whole of it.
std::string prefix_of(const wire::StringMatch& uri) {
  switch (uri.form_case()) {
    case wire::StringMatch::kExact:
    case wire::StringMatch::kRegex:
      return {};
    case wire::StringMatch::kPrefix:
      return uri.prefix().empty() ? "/" : uri.prefix();
    default:
      return "/";
  }
}

Result<Match> match_from(const wire::RouteMatch& wire, const FieldPath& path) {
  Match match;
  const struct {
    std::string_view name;
    const wire::StringMatch& wire;
    std::optional<StringMatch>& to;
  } texts[] = {{"uri", wire.uri(), match.uri},
               {"scheme", wire.scheme(), match.scheme},
               {"method", wire.method(), match.method},
               {"authority", wire.authority(), match.authority}};
  for (const auto& text : texts) {
    auto condition = text_condition(text.wire, path.at(text.name));
    if (!condition) {
      return std::unexpected(condition.error());
    }
    text.to = std::move(*condition);
  }
  const struct {
    std::string_view name;
    const google::protobuf::RepeatedPtrField<wire::HeaderMatch>& wire;
    std::vector<HeaderMatch>& to;
  } lists[] = {{"headers", wire.headers(), match.headers},
               {"without_headers", wire.without_headers(), match.without_headers},
               {"query_params", wire.query_params(), match.query_params}};
  for (const auto& list : lists) {
    auto conditions = header_conditions(list.wire, list.name, path);
    if (!conditions) {
      return std::unexpected(conditions.error());
    }
    list.to = std::move(*conditions);
  }
  match.ignore_uri_case = wire.ignore_uri_case();
  match.source_namespace = wire.source_namespace();
  match.source_labels.insert(wire.source_labels().begin(), wire.source_labels().end());
  match.uri_prefix = prefix_of(wire.uri());
  return match;
}

HeaderOperations operations_from(const wire::HeaderOperations& wire) {
  HeaderOperations result;
  for (const wire::Header& header : wire.set()) {
    result.set.push_back({header.name(), header.value()});
  }
  for (const wire::Header& header : wire.add()) {
    result.add.push_back({header.name(), header.value()});
  }
  result.remove.assign(wire.remove().begin(), wire.remove().end());
  return result;
}

Result<Forward> forward_from(const wire::ForwardAction& wire, Clusters clusters, const FieldPath& path) {
  Forward forward;
  for (int i = 0; i < wire.clusters_size(); ++i) {
    const wire::WeightedCluster& from = wire.clusters(i);
    if (from.cluster() > clusters.size()) {
      const FieldPath cluster = path.at("clusters", i);
      return cluster.at("cluster").fail("beyond the list of clusters");
    }
    forward.total_weight += from.weight();
    forward.clusters.push_back({.weight = from.weight(),
                                .cluster = from.cluster() == 0 ? nullptr : clusters[from.cluster() - 1].get(),
                                .request_headers = operations_from(from.request_headers()),
                                .response_headers = operations_from(from.response_headers())});
  }
  if (forward.clusters.empty()) {
    return path.at("clusters").fail("empty");
  }
  if (forward.clusters.size() == 1) {  // the only destination gets everything, whatever its weight
    forward.clusters.front().weight = 1;
    forward.total_weight = 1;
  }
  if (forward.total_weight == 0) {
    return path.at("clusters").fail("all weights are 0");
  }
  return forward;
}

Result<DirectResponse> direct_response_from(const wire::DirectResponse& wire, const FieldPath& path) {
  // An informational status would not end the exchange.
  if (wire.status() < 200 || wire.status() > 600) {
    return path.at("status").fail("not within 200 to 600");
  }
  return DirectResponse{.status = static_cast<uint16_t>(wire.status()), .body = wire.body()};
}

Result<Redirect> redirect_from(const wire::RedirectAction& wire, const FieldPath& path) {
  constexpr uint32_t kStatuses[] = {301, 302, 303, 307, 308};
  const uint32_t status = wire.status() == 0 ? 301 : wire.status();
  if (std::ranges::find(kStatuses, status) == std::end(kStatuses)) {
    return path.at("status").fail("not one of 301, 302, 303, 307, 308");
  }
  if (wire.port() > std::numeric_limits<uint16_t>::max()) {
    return path.at("port").fail("above 65535");
  }
  return Redirect{.uri = wire.uri(),
                  .authority = wire.authority(),
                  .scheme = wire.scheme(),
                  .port = static_cast<uint16_t>(wire.port()),
                  .status = static_cast<uint16_t>(status),
                  .derive_request_port = wire.derive_request_port()};
}

using RouteAction = decltype(Route::action);

template <class Action>
Result<RouteAction> as_action(Result<Action> action) {
  if (!action) {
    return std::unexpected(action.error());
  }
  return RouteAction(std::move(*action));
}

Result<RouteAction> action_from(const wire::Route& wire, Clusters clusters, const FieldPath& path) {
  switch (wire.action_case()) {
    case wire::Route::kForward:
      return as_action(forward_from(wire.forward(), clusters, path.at("forward")));
    case wire::Route::kDirectResponse:
      return as_action(direct_response_from(wire.direct_response(), path.at("direct_response")));
    case wire::Route::kRedirect:
      return as_action(redirect_from(wire.redirect(), path.at("redirect")));
    case wire::Route::ACTION_NOT_SET:
      break;
  }
  return path.fail("no action");
}

Result<Route> route_from(const wire::Route& wire, Clusters clusters, const FieldPath& path) {
  Route route;
  route.name = wire.name();
  for (int i = 0; i < wire.matches_size(); ++i) {
    auto match = match_from(wire.matches(i), path.at("matches", i));
    if (!match) {
      return std::unexpected(match.error());
    }
    route.matches.push_back(std::move(*match));
  }
  auto action = action_from(wire, clusters, path);
  if (!action) {
    return std::unexpected(action.error());
  }
  route.action = std::move(*action);
  route.request_headers = operations_from(wire.request_headers());
  route.response_headers = operations_from(wire.response_headers());
  route.timeout = std::chrono::milliseconds(wire.timeout_ms());
  route.rewrite_uri = wire.rewrite().uri();
  route.rewrite_authority = wire.rewrite().authority();
  return route;
}

}  // namespace

Result<std::unique_ptr<RouteTable>> RouteTable::build(const config::wire::RouteTable& wire, Clusters clusters) {
  auto table = std::make_unique<RouteTable>();
  table->name = wire.name();
  const FieldPath root;
  for (int i = 0; i < wire.routes_size(); ++i) {
    auto route = route_from(wire.routes(i), clusters, root.at("routes", i));
    if (!route) {
      return std::unexpected(route.error());
    }
    table->routes.push_back(std::move(*route));
  }
  return table;
}

}  // namespace fairlead::route
