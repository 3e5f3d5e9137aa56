// VirtualService (networking.istio.io): which rules the requests to a host follow.
#include "agent/model/http_route.h"
#include "agent/model/l4_route.h"
#include "agent/model/loaders.h"
#include "agent/model/metadata.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::model {

namespace {

constexpr std::string_view kMesh = "mesh";

bool applies_to_mesh(const VirtualService& service) {
  return service.gateways.empty() || std::ranges::find(service.gateways, kMesh) != service.gateways.end();
}

void check_host(const Cursor& at, const std::string& host, bool mesh) {
  if (host == "*" && mesh) {
    at.error("\"*\" is for gateways only; write the hosts that pods of the mesh call");
    return;
  }
  if (!mesh && host.starts_with("outbound_")) {
    return;  // Istio's own names for AUTO_PASSTHROUGH gateways
  }
  if (Problem problem = wildcard_domain(host); problem && ip_address(host)) {
    at.error(std::move(*problem));
  }
}

void read_hosts(const Cursor& at, VirtualService& service) {
  const bool mesh = applies_to_mesh(service);
  for (const Cursor& item : at.items()) {
    std::string host = item.string();
    check_host(item, host, mesh);
    const auto same =
        std::ranges::find_if(service.hosts, [&](const std::string& other) { return hosts_overlap(other, host); });
    if (same != service.hosts.end()) {
      item.error(fmt::format("{} overlaps with the host {}; keep one of them", in_quotes(host), in_quotes(*same)));
    }
    service.hosts.push_back(std::move(host));
  }
}

// Claims are known at a gateway only, where the token was checked.
void check_claims(const Cursor& at, const VirtualService& service) {
  if (!applies_to_mesh(service)) {
    return;
  }
  const auto has_claim = [](const std::map<std::string, StringMatch>& headers) {
    return std::ranges::any_of(headers, [](const auto& header) { return is_jwt_claim(header.first); });
  };
  for (const HttpRoute& route : service.http) {
    for (const HttpMatch& match : route.matches) {
      if (has_claim(match.headers) || has_claim(match.without_headers)) {
        at.error("matches on @request.auth.claims are for gateways only");
        return;
      }
    }
  }
}

void check_delegate(const Cursor& at, const VirtualService& service) {
  if (!service.hosts.empty()) {
    return;
  }
  if (!service.gateways.empty() || service.has_tls_routes || service.has_tcp_routes) {
    at.error("without hosts this is a delegate, which has http rules only: no gateways, tls or tcp");
  }
  if (std::ranges::any_of(service.http, [](const HttpRoute& route) { return route.delegate.has_value(); })) {
    at.error("without hosts this is a delegate, which cannot delegate further");
  }
}

}  // namespace

Object load_virtual_service(Metadata meta, Fields& object) {
  check_istio_annotations(object["metadata"], meta, DryRun::kRefuse);
  VirtualService service;
  const Cursor at = object.required("spec");
  Fields spec(at);
  service.gateways = read_gateways(spec["gateways"]);
  read_hosts(spec["hosts"], service);
  service.export_to = read_export_to(spec["exportTo"], meta);
  for (const Cursor& item : spec["http"].items()) {
    service.http.push_back(read_http_route(item));
  }
  for (const Cursor& item : spec["tls"].items()) {
    check_tls_route(item, service.hosts);
    service.has_tls_routes = true;
  }
  for (const Cursor& item : spec["tcp"].items()) {
    check_tcp_route(item);
    service.has_tcp_routes = true;
  }
  if (at && service.http.empty() && !service.has_tls_routes && !service.has_tcp_routes) {
    at.error("has no rules; write http, tls or tcp");
  }
  check_claims(at, service);
  check_delegate(at, service);
  object.skip({"status"});
  service.meta = std::move(meta);
  return service;
}

}  // namespace fairlead::model
