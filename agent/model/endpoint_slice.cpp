// EndpointSlice (discovery.k8s.io/v1): the addresses behind one Service.
#include "agent/model/loaders.h"

namespace fairlead::model {

namespace {

constexpr std::string_view kServiceName = "kubernetes.io/service-name";

EndpointPort read_port(const Cursor& at) {
  Fields fields(at);
  EndpointPort port;
  port.name = fields["name"].string();
  port.port = fields["port"].port();
  if (const Cursor protocol = fields["protocol"]) {
    port.protocol = protocol.word({"TCP", "UDP", "SCTP"});
  }
  port.app_protocol = fields["appProtocol"].string();
  return port;
}

// For whom an endpoint is meant: the names of zones or nodes.
std::vector<std::string> read_hints(const Cursor& list) {
  std::vector<std::string> names;
  for (const Cursor& item : list.items()) {
    Fields hint(item);
    names.push_back(hint["name"].string());
  }
  return names;
}

EndpointAddress read_endpoint(const Cursor& at, std::string_view family) {
  Fields fields(at);
  EndpointAddress endpoint;
  for (const Cursor& item : fields.required("addresses").items()) {
    const auto address = IpAddress::parse(item.string(ip_address));
    if (address && address->is_v4() != (family == "IPv4")) {
      item.error("is not an address of the slice's addressType");
    } else if (address) {
      endpoint.addresses.push_back(*address);
    }
  }
  Fields conditions(fields["conditions"]);
  const Cursor ready = conditions["ready"];
  endpoint.ready = !ready || ready.boolean();
  endpoint.terminating = conditions["terminating"].boolean();
  endpoint.node_name = fields["nodeName"].string();
  endpoint.zone = fields["zone"].string();
  Fields hints(fields["hints"]);
  endpoint.zone_hints = read_hints(hints["forZones"]);
  endpoint.node_hints = read_hints(hints["forNodes"]);
  Fields target(fields["targetRef"]);
  if (target["kind"].string() == "Pod") {
    endpoint.pod = target["name"].string();
  }
  return endpoint;
}

}  // namespace

Object load_endpoint_slice(Metadata meta, Fields& object) {
  EndpointSlice slice;
  const std::string family = object.required("addressType").word({"IPv4", "IPv6", "FQDN"});
  if (const auto service = meta.labels.find(kServiceName); service != meta.labels.end()) {
    slice.service = service->second;
  }
  for (const Cursor& item : object["ports"].items()) {
    slice.ports.push_back(read_port(item));
  }
  // Names instead of addresses: Istio ignores such slices, and so does this.
  if (family != "FQDN") {
    for (const Cursor& item : object["endpoints"].items()) {
      slice.endpoints.push_back(read_endpoint(item, family));
    }
  }
  slice.meta = std::move(meta);
  return slice;
}

}  // namespace fairlead::model
