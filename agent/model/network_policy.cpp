// NetworkPolicy (networking.k8s.io): which connections a pod may take and open. Rules of Kubernetes' own validation
// (pkg/apis/networking/validation).
#include "agent/model/loaders.h"
#include "agent/model/metadata.h"

#include <fmt/format.h>

namespace fairlead::model {

namespace {

Cidr read_block(const Cursor& at) {
  const std::string text = at.string(ip_block);
  if (!text.empty() && !text.contains('/')) {
    at.error(fmt::format("{} is an address, not a block; write {}/{}", in_quotes(text), text,
                         text.contains(':') ? 128 : 32));
  }
  return Cidr::parse(text).value_or(Cidr());
}

void read_ip_block(const Cursor& at, NetworkPeer& peer) {
  Fields fields(at);
  const Cidr block = read_block(fields.required("cidr"));
  for (const Cursor& item : fields["except"].items()) {
    const Cidr except = read_block(item);
    if (!block.contains(except.address) || except.bits <= block.bits) {
      item.error(fmt::format("{} is not a part of {}", except.text(), block.text()));
    }
    peer.except.push_back(except);
  }
  peer.block = block;
}

NetworkPeer read_peer(const Cursor& at) {
  Fields fields(at);
  NetworkPeer peer;
  const Cursor block = fields["ipBlock"], pods = fields["podSelector"], namespaces = fields["namespaceSelector"];
  if (block) {
    read_ip_block(block, peer);
  }
  if (pods) {
    peer.pods = read_label_selector(pods);
  }
  if (namespaces) {
    peer.namespaces = read_label_selector(namespaces);
  }
  if (block && (pods || namespaces)) {
    at.error("an ipBlock stands alone; write the selectors as another entry of the list");
  } else if (!block && !pods && !namespaces) {
    at.error("names nobody; write podSelector, namespaceSelector or ipBlock ({} as a selector means all)");
  }
  return peer;
}

NetworkPort read_port(const Cursor& at) {
  Fields fields(at);
  NetworkPort port;
  const Cursor number = fields["port"], end = fields["endPort"];
  if (const Cursor protocol = fields["protocol"]) {
    port.protocol = protocol.word({"TCP", "UDP", "SCTP"});
  }
  if (number) {
    const bool is_name =
        number.node()->kind == YamlNode::Kind::kScalar && (number.node()->quoted || !port_name(number.node()->text));
    port.port = is_name ? std::variant<uint16_t, std::string>(number.string(port_name)) : number.port();
  }
  if (!end) {
    return port;
  }
  port.end_port = end.port();
  const uint16_t* const first = std::get_if<uint16_t>(&port.port);
  if (first == nullptr || *first == 0) {
    end.error("needs a number as the port that the range begins with");
  } else if (port.end_port < *first) {
    end.error(fmt::format("is below the port that the range begins with, {}", *first));
  }
  return port;
}

std::vector<NetworkRule> read_rules(const Cursor& list, std::string_view peers) {
  std::vector<NetworkRule> rules;
  for (const Cursor& item : list.items()) {
    Fields fields(item);
    NetworkRule& rule = rules.emplace_back();
    for (const Cursor& peer : fields[peers].items()) {
      rule.peers.push_back(read_peer(peer));
    }
    for (const Cursor& port : fields["ports"].items()) {
      rule.ports.push_back(read_port(port));
    }
  }
  return rules;
}

}  // namespace

Object load_network_policy(Metadata meta, Fields& object) {
  NetworkPolicy policy;
  Fields spec(object["spec"]);
  policy.pods = read_label_selector(spec["podSelector"]);
  const std::vector<NetworkRule> ingress = read_rules(spec["ingress"], "from"),
                                 egress = read_rules(spec["egress"], "to");
  // Without policyTypes: Ingress, and Egress where there are rules for it.
  const std::vector<Cursor> types = spec["policyTypes"].items();
  bool isolates_ingress = types.empty(), isolates_egress = types.empty() && !egress.empty();
  for (const Cursor& type : types) {
    const std::string word = type.word({"Ingress", "Egress"});
    isolates_ingress = isolates_ingress || word == "Ingress";
    isolates_egress = isolates_egress || word == "Egress";
  }
  if (isolates_ingress) {
    policy.ingress = ingress;
  }
  if (isolates_egress) {
    policy.egress = egress;
  }
  policy.meta = std::move(meta);
  return policy;
}

}  // namespace fairlead::model
