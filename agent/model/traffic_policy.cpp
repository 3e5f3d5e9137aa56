#include "agent/model/traffic_policy.h"

#include <fmt/format.h>

namespace fairlead::model {

namespace {

using namespace std::chrono_literals;

constexpr int64_t kMaxPercent = 100;
constexpr size_t kMaxPortSettings = 4096;

std::chrono::milliseconds read_tcp_pool(const Cursor& at) {
  Fields fields(at);
  static_cast<void>(fields["maxConnections"].count());
  static_cast<void>(fields["maxConnectionDuration"].duration());
  static_cast<void>(fields["idleTimeout"].duration_or_zero());
  Fields keepalive(fields["tcpKeepalive"]);
  static_cast<void>(keepalive["probes"].uint32());
  static_cast<void>(keepalive["time"].duration());
  static_cast<void>(keepalive["interval"].duration());
  return fields["connectTimeout"].duration();
}

void check_http_pool(const Cursor& at) {
  Fields fields(at);
  for (const std::string_view name : {"http1MaxPendingRequests", "http2MaxRequests", "maxRequestsPerConnection",
                                      "maxRetries", "maxConcurrentStreams"}) {
    static_cast<void>(fields[name].count());
  }
  static_cast<void>(fields["idleTimeout"].duration());
  const bool upgrade = fields["h2UpgradePolicy"].word({"DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"}) == "UPGRADE";
  if (fields["useClientProtocol"].boolean() && upgrade) {
    at.error("useClientProtocol and h2UpgradePolicy UPGRADE exclude each other");
  }
  if (const Cursor keepalive = fields["http2KeepAlive"]) {
    Fields ping(keepalive);
    static_cast<void>(ping.required("interval").duration());
    static_cast<void>(ping.required("timeout").duration());
  }
}

std::chrono::milliseconds read_connection_pool(const Cursor& at) {
  Fields fields(at);
  const Cursor tcp = fields["tcp"];
  const Cursor http = fields["http"];
  if (at && !tcp && !http) {
    at.error("is empty; write tcp or http, or remove it");
  }
  check_http_pool(http);
  return read_tcp_pool(tcp);
}

void check_outlier_detection(const Cursor& at) {
  Fields fields(at);
  static_cast<void>(fields["baseEjectionTime"].duration());
  static_cast<void>(fields["interval"].duration());
  static_cast<void>(fields["consecutive5xxErrors"].uint32());
  static_cast<void>(fields["consecutiveGatewayErrors"].uint32());
  const Cursor former = fields["consecutiveErrors"];
  if (former.int32() != 0) {
    former.warn("is ignored by Istio; write consecutive5xxErrors or consecutiveGatewayErrors");
  }
  const bool split = fields["splitExternalLocalOriginErrors"].boolean();
  const Cursor local = fields["consecutiveLocalOriginFailures"];
  if (local.uint32() > 0 && !split) {
    local.error("counts only with splitExternalLocalOriginErrors: true");
  }
  static_cast<void>(fields["maxEjectionPercent"].integer(0, kMaxPercent));
  static_cast<void>(fields["minHealthPercent"].integer(0, kMaxPercent));
  for (const Cursor& item : fields["outlierDetectionHttpErrorCodes"].items()) {
    static_cast<void>(item.integer(100, 599));
  }
}

void check_tls(const Cursor& at) {
  Fields fields(at);
  const std::string mode = fields["mode"].word({"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"});
  const std::string certificate = fields["clientCertificate"].string();
  const std::string key = fields["privateKey"].string();
  const std::string ca = fields["caCertificates"].string();
  const std::string crl = fields["caCrl"].string();
  const std::string credential = fields["credentialName"].string();
  const Cursor names = fields["subjectAltNames"];
  static_cast<void>(names.strings());
  static_cast<void>(fields["sni"].string());
  const bool skip_verify = fields["insecureSkipVerify"].boolean();
  const bool simple = mode == "SIMPLE";
  const bool mutual = mode == "MUTUAL";
  if (skip_verify &&
      ((simple && (!ca.empty() || !credential.empty() || names)) || (mutual && (!ca.empty() || names)))) {
    at.error("insecureSkipVerify excludes caCertificates, credentialName (SIMPLE) and subjectAltNames");
  }
  if ((simple || mutual) && !credential.empty()) {
    if (!certificate.empty() || !key.empty() || !ca.empty() || !crl.empty()) {
      at.error(
          "credentialName brings the certificates; remove clientCertificate, privateKey, caCertificates and caCrl");
    }
  } else if (mutual && (certificate.empty() || key.empty())) {
    at.error("the mode MUTUAL needs clientCertificate and privateKey, or credentialName");
  }
}

// The four blocks that a port may have of its own, too.
TrafficPolicy read_blocks(Fields& fields) {
  TrafficPolicy policy;
  const Cursor outliers = fields["outlierDetection"];
  check_outlier_detection(outliers);
  policy.load_balancer =
      read_load_balancer(fields["loadBalancer"], outliers ? Outliers::kDetected : Outliers::kNotDetected);
  check_tls(fields["tls"]);
  policy.connect_timeout = read_connection_pool(fields["connectionPool"]);
  return policy;
}

bool has_any(const Cursor& at, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const YamlNode* field = at.node()->find(name);
    if (field != nullptr && !field->is_null()) {
      return true;
    }
  }
  return false;
}

void check_port_settings(const Cursor& at) {
  const std::vector<Cursor> items = at.items();
  if (items.size() > kMaxPortSettings) {
    at.error(fmt::format("has more than {} ports", kMaxPortSettings));
  }
  for (const Cursor& item : items) {
    Fields fields(item);
    Fields port(fields.required("port"));
    static_cast<void>(port["number"].integer(0, UINT16_MAX));
    static_cast<void>(read_blocks(fields));
    if (item.node()->is_map() && !has_any(item, {"outlierDetection", "connectionPool", "loadBalancer", "tls"})) {
      item.error("has no settings; write connectionPool, loadBalancer, outlierDetection or tls");
    }
  }
}

void check_tunnel(const Cursor& at) {
  Fields fields(at);
  const Cursor protocol = fields["protocol"];
  if (!protocol.string().empty()) {
    static_cast<void>(protocol.word({"CONNECT", "POST"}));
  }
  const Cursor host = fields.required("targetHost");
  const std::string name = host.string();
  if (Problem problem = domain_name(name); problem && ip_address(name)) {
    host.error(std::move(*problem));
  }
  static_cast<void>(fields.required("targetPort").port());
}

}  // namespace

TrafficPolicy read_traffic_policy(const Cursor& at) {
  Fields fields(at);
  TrafficPolicy policy = read_blocks(fields);
  check_port_settings(fields["portLevelSettings"]);
  const Cursor tunnel = fields["tunnel"];
  check_tunnel(tunnel);
  const Cursor proxy_protocol = fields["proxyProtocol"];
  Fields version(proxy_protocol);
  static_cast<void>(version["version"].word({"V1", "V2"}));
  if (tunnel && proxy_protocol) {
    at.error("tunnel and proxyProtocol exclude each other");
  }
  // Gone since Istio 1.0, but tutorials still show it. A cluster prunes it and takes the rest; so does this, and says
  // so.
  fields["circuitBreaker"].warn("is no field any more and does nothing; use connectionPool and outlierDetection");
  Fields budget(fields["retryBudget"]);
  static_cast<void>(budget["percent"].number(0, kMaxPercent));
  static_cast<void>(budget["minRetryConcurrency"].uint32());
  static_cast<void>(budget["budgetInterval"].duration_or_zero());
  if (at && at.node()->is_map() &&
      !has_any(at, {"outlierDetection", "connectionPool", "loadBalancer", "tls", "portLevelSettings", "tunnel",
                    "proxyProtocol", "retryBudget"})) {
    at.error("has no settings; write at least one, or remove trafficPolicy");
  }
  return policy;
}

}  // namespace fairlead::model
