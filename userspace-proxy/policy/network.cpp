#include "userspace-proxy/policy/network.h"

#include "userspace-proxy/config/field_path.h"
#include "userspace-proxy/config/snapshot.pb.h"

#include <algorithm>
#include <limits>

namespace fairlead::policy {
namespace {

namespace wire = config::wire;
using config::FieldPath;

Result<Cidr> cidr_from(const std::string& text, const FieldPath& path) {
  const auto cidr = Cidr::parse(text);
  return cidr ? Result<Cidr>(*cidr) : path.fail("no block of addresses");
}

Result<NetworkBlock> block_from(const wire::IpBlock& wire, const FieldPath& path) {
  NetworkBlock block;
  const auto cidr = cidr_from(wire.cidr(), path.at("cidr"));
  if (!cidr) {
    return std::unexpected(cidr.error());
  }
  block.block = *cidr;
  for (int i = 0; i < wire.except_size(); ++i) {
    const auto except = cidr_from(wire.except(i), path.at("except", i));
    if (!except) {
      return std::unexpected(except.error());
    }
    block.except.push_back(*except);
  }
  return block;
}

Result<PortRange> range_from(const wire::PortRange& wire, const FieldPath& path) {
  if (!wire.name().empty()) {
    return PortRange{.name = wire.name()};
  }
  constexpr uint32_t kLast = std::numeric_limits<uint16_t>::max();
  if (wire.first() == 0 || wire.last() > kLast || wire.first() > wire.last()) {
    return path.fail("no range of ports");
  }
  return PortRange{
      .first = static_cast<uint16_t>(wire.first()), .last = static_cast<uint16_t>(wire.last()), .name = {}};
}

Result<NetworkRule> rule_from(const wire::NetworkRule& wire, const FieldPath& path) {
  NetworkRule rule{.any_peer = wire.any_peer(),
                   .any_port = wire.any_port(),
                   .peer_classes = {wire.peer_classes().begin(), wire.peer_classes().end()},
                   .blocks = {},
                   .ports = {}};
  if (rule.peer_classes.contains(0)) {
    return path.at("peer_classes").fail("0 stands for no pod");
  }
  for (int i = 0; i < wire.blocks_size(); ++i) {
    auto block = block_from(wire.blocks(i), path.at("blocks", i));
    if (!block) {
      return std::unexpected(block.error());
    }
    rule.blocks.push_back(std::move(*block));
  }
  for (int i = 0; i < wire.ports_size(); ++i) {
    auto range = range_from(wire.ports(i), path.at("ports", i));
    if (!range) {
      return std::unexpected(range.error());
    }
    rule.ports.push_back(std::move(*range));
  }
  return rule;
}

bool holds(const NetworkBlock& block, const IpAddress& ip) {
  return block.block.contains(ip) &&
         std::ranges::none_of(block.except, [&](const Cidr& except) { return except.contains(ip); });
}

bool holds(const PortRange& range, const NetworkFacts& facts) {
  if (range.name.empty()) {
    return facts.port >= range.first && facts.port <= range.last;
  }
  return std::ranges::any_of(
      facts.port_names, [&](const NamedPort& named) { return named.port == facts.port && named.name == range.name; });
}

}  // namespace

bool NetworkRule::takes_address(const IpAddress& ip) const {
  return any_peer || std::ranges::any_of(blocks, [&](const NetworkBlock& block) { return holds(block, ip); });
}

bool NetworkRule::allows(const NetworkFacts& facts) const {
  const bool peer = takes_address(facts.peer_ip) || (facts.peer_class != 0 && peer_classes.contains(facts.peer_class));
  return peer && (any_port || std::ranges::any_of(ports, [&](const PortRange& range) { return holds(range, facts); }));
}

Result<std::unique_ptr<NetworkPolicy>> NetworkPolicy::build(const wire::NetworkPolicy& wire) {
  std::unique_ptr<NetworkPolicy> policy(new NetworkPolicy);
  policy->name_ = wire.name();
  const FieldPath root;
  const auto read = [&root](const auto& list, std::string_view name, std::vector<NetworkRule>& out) -> Status {
    for (int i = 0; i < list.size(); ++i) {
      auto rule = rule_from(list.Get(i), root.at(name, i));
      if (!rule) {
        return std::unexpected(rule.error());
      }
      out.push_back(std::move(*rule));
    }
    return {};
  };
  if (const Status done = read(wire.ingress(), "ingress", policy->ingress_); !done) {
    return std::unexpected(done.error());
  }
  if (const Status done = read(wire.egress(), "egress", policy->egress_); !done) {
    return std::unexpected(done.error());
  }
  return policy;
}

NetworkPolicySet::Decision NetworkPolicySet::decide(const NetworkFacts& facts) const {
  for (const NetworkPolicy* policy : policies) {
    const auto& rules = policy->rules(direction);
    if (std::ranges::any_of(rules, [&](const NetworkRule& rule) { return rule.allows(facts); })) {
      return {.allowed = true, .policy = policy};
    }
  }
  return {.allowed = policies.empty(), .policy = policies.empty() ? nullptr : policies.front()};
}

}  // namespace fairlead::policy
