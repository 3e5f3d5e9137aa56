#include "agent/bench/ask.h"
#include "agent/bench/numbers.h"
#include "agent/bench/stock/proxy.h"

#include <fmt/format.h>

namespace fairlead::bench {
namespace {

// As Istio's sidecar has them: an RBAC filter before the router, a route by header, statistics, a record per request in
// a file. Without what the others do not do either: no request ids, no tracing, no headers of its own.
constexpr std::string_view kEnvoyConfig = R"(
admin: {{address: {{pipe: {{path: {folder}/counts}}}}}}
static_resources:
  listeners:
  - name: in
    address: {{socket_address: {{address: 0.0.0.0, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {types}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          generate_request_id: false
          server_header_transformation: PASS_THROUGH
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": {types}.access_loggers.file.v3.FileAccessLog
              path: {folder}/access.log
          http_filters:
          - name: envoy.filters.http.rbac
            typed_config:
              "@type": {types}.filters.http.rbac.v3.RBAC
              rules:
                action: DENY
                policies:
                  no-admin:
                    permissions: [{{url_path: {{path: {{prefix: /admin}}}}}}]
                    principals: [{{any: true}}]
          - name: envoy.filters.http.router
            typed_config:
              "@type": {types}.filters.http.router.v3.Router
              suppress_envoy_headers: true
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: /, headers: [{{name: canary, string_match: {{exact: "true"}}}}]}}
                route: {{cluster: canary, timeout: 0s}}
              - match: {{prefix: /}}
                route: {{cluster: stable, timeout: 0s}}
  clusters:
  - name: stable
    circuit_breakers: &limits
      thresholds: [{{max_connections: 8192, max_pending_requests: 8192, max_requests: 8192}}]
    load_assignment:
      cluster_name: stable
      endpoints: &application
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: {upstream}, port_value: {upstream_port}}}}}}}
  - name: canary
    circuit_breakers: *limits
    load_assignment: {{cluster_name: canary, endpoints: *application}}
)";

struct Envoy {
  static std::string config_of(const Seat& seat) {
    using fmt::arg;
    return fmt::format(kEnvoyConfig, arg("folder", seat.folder), arg("port", seat.port),
                       arg("types", "type.googleapis.com/envoy.extensions"), arg("upstream", seat.upstream.address),
                       arg("upstream_port", seat.upstream.port));
  }

  static Result<uint64_t> count(const Seat& seat, const Interrupt&) {
    constexpr std::string_view kQuestion =
        "GET /stats?filter=http.in.downstream_rq_total HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n";
    const auto told = ask(seat.folder + "/counts", kQuestion);
    if (!told) {
      return std::unexpected(told.error());
    }
    if (!told->contains("downstream_rq_total:")) {
      return fail("envoy tells no counts yet");
    }
    return number_after(*told, "downstream_rq_total:");
  }
};

}  // namespace

const StockProxy kEnvoy = {
    .pair = Path::kEnvoyPair,
    .hop = Path::kEnvoyHop,
    .program = "envoy",
    .variable = "ENVOY",
    .where_from = "ENVOY=/path/to/envoy, or scripts/bench --with-envoy",
    .version_option = "--version",
    .port = 15130,
    .counted = Counted::kRequests,
    .file = "envoy.yaml",
    .config = Envoy::config_of,
    .command =
        [](const Seat& seat, const std::string& program) {
          return std::vector<std::string>{program, "--config-path", seat.file, "--concurrency",
                                          "1",     "--log-level",   "warning", "--disable-hot-restart"};
        },
    .count = Envoy::count,
    .capture = nullptr,
};

}  // namespace fairlead::bench
