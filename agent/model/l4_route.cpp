#include "agent/model/l4_route.h"

#include "agent/model/http_route.h"
#include "agent/model/metadata.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::model {

namespace {

// SNI names that Istio itself makes for AUTO_PASSTHROUGH gateways: "outbound_.80_._.a.shop.svc.cluster.local".
constexpr std::string_view kGeneratedSni = "outbound_";

void check_destinations(const Cursor& at, Fields& route) {
  const Cursor list = route["route"];
  std::vector<uint32_t> weights;
  for (const Cursor& item : list.items()) {
    Fields fields(item);
    static_cast<void>(read_destination(fields.required("destination")));
    weights.push_back(static_cast<uint32_t>(fields["weight"].count()));
  }
  if (weights.empty()) {
    at.error("sends connections nowhere; write route");
  }
  check_weights(list, weights);
}

void check_l4_match(Fields& match) {
  static_cast<void>(match["destinationSubnets"].strings(ip_block));
  static_cast<void>(match["port"].integer(0, UINT16_MAX));
  static_cast<void>(read_labels(match["sourceLabels"]));
  static_cast<void>(match["sourceNamespace"].string());
  static_cast<void>(read_gateways(match["gateways"]));
}

void check_sni(const Cursor& at, const std::vector<std::string>& hosts) {
  const std::string sni = at.string();
  if (!sni.starts_with(kGeneratedSni)) {
    if (Problem problem = wildcard_domain(sni)) {
      if (ip_address(sni)) {
        at.error(std::move(*problem));
      } else {
        at.warn("is an IP address, which clients do not send as SNI; write a DNS name");
      }
      return;
    }
  }
  if (std::ranges::none_of(hosts, [&](const std::string& host) { return host_within(sni, host); })) {
    at.error(fmt::format("{} is not covered by any of the hosts of this VirtualService", in_quotes(sni)));
  }
}

}  // namespace

void check_tls_route(const Cursor& at, const std::vector<std::string>& hosts) {
  Fields fields(at);
  const Cursor matches = fields.required("match");
  const std::vector<Cursor> items = matches.items();
  for (const Cursor& item : items) {
    Fields match(item);
    const Cursor names = match.required("sniHosts");
    const std::vector<Cursor> sni_hosts = names.items();
    if (names && sni_hosts.empty()) {
      names.error("is empty; write the names that this rule is for");
    }
    for (const Cursor& name : sni_hosts) {
      check_sni(name, hosts);
    }
    check_l4_match(match);
  }
  if (matches && items.empty()) {
    matches.error("is empty; write the sniHosts that this rule is for");
  }
  check_destinations(at, fields);
}

void check_tcp_route(const Cursor& at) {
  Fields fields(at);
  for (const Cursor& item : fields["match"].items()) {
    Fields match(item);
    check_l4_match(match);
    static_cast<void>(match["sourceSubnet"].string());
  }
  check_destinations(at, fields);
}

}  // namespace fairlead::model
