#include "agent/kernel/network_tables.h"

#include "agent/kernel/content_hash.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>

namespace fairlead::kernel {
namespace {

using policy::Direction;
using policy::NetworkRule;

constexpr uint32_t kLastPort = 65535;
constexpr unsigned kPortBits = 16;

// Calls take(port, bits) for each prefix of a range: at most 30.
template <class Take>
void each_prefix(uint32_t first, uint32_t last, Take take) {
  while (first <= last) {
    // The largest block that begins here and does not pass the end.
    unsigned zeros = first == 0 ? kPortBits : static_cast<unsigned>(std::countr_zero(first));
    while (first + (1U << zeros) - 1 > last) {
      --zeros;
    }
    take(static_cast<uint16_t>(first), kPortBits - zeros);
    first += 1U << zeros;
  }
}

}  // namespace

NetworkTables::NetworkTables(const config::Snapshot& snapshot, std::set<uint32_t>& set_numbers, Tables& out)
    : set_numbers_(set_numbers), out_(out) {
  for (const auto& workload : snapshot.workloads()) {
    if (workload->peer_class != 0) {
      classes_.emplace(workload->peer_class, workload.get());
    }
  }
}

uint32_t NetworkTables::set_for(const config::Workload& workload, Direction direction) {
  const policy::NetworkPolicySet& set = direction == Direction::kIngress ? workload.ingress : workload.egress;
  return set.policies.empty() ? 0 : write(contents_of(workload, set));
}

NetworkTables::Contents NetworkTables::contents_of(const config::Workload& workload,
                                                   const policy::NetworkPolicySet& set) const {
  Rules rules;
  std::set<Cidr> blocks;
  for (const policy::NetworkPolicy* policy : set.policies) {
    for (const NetworkRule& rule : policy->rules(set.direction)) {
      rules.push_back(&rule);
      for (const policy::NetworkBlock& block : rule.blocks) {
        blocks.insert(block.block);
        blocks.insert(block.except.begin(), block.except.end());
      }
    }
  }
  const bool is_ingress = set.direction == Direction::kIngress;
  Contents contents;
  const auto allow = [&](const Peer& peer, const Rules& chosen, const std::vector<policy::NamedPort>& names) {
    if (auto ports = ports_of(chosen, names); !ports.empty()) {
      contents.allowed.emplace(peer, std::move(ports));
    }
  };
  for (const auto& [id, pod] : classes_) {
    Rules chosen;
    std::ranges::copy_if(rules, std::back_inserter(chosen), [&, own = id](const NetworkRule* rule) {
      // A rule for everybody needs no entry per class, unless it names ports, which are the peer's own.
      const bool by_name = !is_ingress && rule->any_peer &&
                           std::ranges::any_of(rule->ports, [](const auto& range) { return !range.name.empty(); });
      return by_name || rule->peer_classes.contains(own);
    });
    allow({FL_PEER_POD, id}, chosen, is_ingress ? workload.named_ports : pod->named_ports);
  }
  for (const IpClass& each : ip_classes_of(blocks)) {
    if (each.id != 0) {
      contents.blocks.emplace_back(each.block, each.id);
    }
    if (!each.example) {
      continue;
    }
    Rules chosen;
    std::ranges::copy_if(rules, std::back_inserter(chosen),
                         [&](const NetworkRule* rule) { return rule->takes_address(*each.example); });
    allow({FL_PEER_ADDRESS, each.id}, chosen, is_ingress ? workload.named_ports : std::vector<policy::NamedPort>());
  }
  return contents;
}

std::vector<NetworkTables::Ports> NetworkTables::ports_of(const Rules& rules,
                                                          const std::vector<policy::NamedPort>& names) {
  std::vector<Ports> ports;
  for (const NetworkRule* rule : rules) {
    if (rule->any_port) {
      return {{0, kLastPort}};
    }
    for (const policy::PortRange& range : rule->ports) {
      if (range.name.empty()) {
        ports.push_back({range.first, range.last});
        continue;
      }
      for (const policy::NamedPort& named : names) {
        if (named.name == range.name) {
          ports.push_back({named.port, named.port});
        }
      }
    }
  }
  std::ranges::sort(ports);
  std::vector<Ports> merged;
  for (const Ports& next : ports) {
    if (!merged.empty() && next.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, next.last);
    } else {
      merged.push_back(next);
    }
  }
  return merged;
}

uint32_t NetworkTables::write(const Contents& contents) {
  const auto [found, fresh] = numbers_.emplace(contents, 0);
  if (!fresh) {
    return found->second;
  }
  ContentHash hash;
  for (const auto& [block, id] : contents.blocks) {
    hash.add(block.address.bytes()).add(block.bits).add(id);
  }
  for (const auto& [peer, ports] : contents.allowed) {
    hash.add(static_cast<uint32_t>(peer.kind)).add(peer.peer);
    for (const Ports& range : ports) {
      hash.add(range.first).add(range.last);
    }
  }
  const uint32_t set = take_number(set_numbers_, hash.narrow());
  found->second = set;
  for (const auto& [block, id] : contents.blocks) {
    out_.ip_classes.emplace(
        fl_ip_class_key{.prefixlen = 32U + block.bits, .policy_set = set, .ip = block.address.raw()}, id);
  }
  for (const auto& [peer, ports] : contents.allowed) {
    for (const Ports& range : ports) {
      each_prefix(range.first, range.last, [&, &of = peer](uint16_t port, unsigned bits) {
        out_.network.emplace(fl_network_key{.prefixlen = FL_NETWORK_PREFIX + bits,
                                            .set = set,
                                            .peer = of.peer,
                                            .kind = static_cast<uint16_t>(of.kind),
                                            .port = htons(port)},
                             1);
      });
    }
  }
  return set;
}

}  // namespace fairlead::kernel
