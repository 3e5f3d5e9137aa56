#include "agent/kernel/policy_tables.h"

#include "agent/kernel/content_hash.h"
#include "userspace-proxy/base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <span>

namespace fairlead::kernel {
namespace {

Dimensions dimensions_of(const policy::PolicySet& set) {
  std::set<Cidr> blocks;
  std::set<uint16_t> ports;
  for (const policy::Policy* policy : set.policies) {
    const auto named_blocks = policy->blocks();
    const auto named_ports = policy->ports();
    blocks.insert(named_blocks.begin(), named_blocks.end());
    ports.insert(named_ports.begin(), named_ports.end());
  }
  Dimensions out;
  out.classes = ip_classes_of(blocks);
  out.ports.assign(ports.begin(), ports.end());
  while (ports.contains(out.other_port)) {
    ++out.other_port;
  }
  return out;
}

template <class T>
bool same_bytes(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

uint32_t Verdicts::content() const {
  ContentHash hash;
  for (const IpClass& each : dimensions.classes) {
    hash.add(each.block.address.bytes()).add(each.block.bits);
  }
  for (const auto& [key, verdict] : entries) {
    hash.add(key).add(verdict);
  }
  return hash.narrow();
}

bool Verdicts::operator==(const Verdicts& other) const {
  return std::ranges::equal(dimensions.classes, other.dimensions.classes, {}, &IpClass::block, &IpClass::block) &&
         std::ranges::equal(entries, other.entries, [](const auto& a, const auto& b) {
           return same_bytes(a.first, b.first) && same_bytes(a.second, b.second);
         });
}

PolicyTables::PolicyTables(const config::Snapshot& snapshot, std::set<uint32_t>& set_numbers, Tables& out)
    : out_(out), set_numbers_(set_numbers) {
  std::set<std::string> names;
  identities_.emplace(0, nullptr);
  for (const auto& workload : snapshot.workloads()) {
    for (const policy::Policy* policy : workload->policies.policies) {
      names.insert(policy->name());
    }
    // Only they can be known as callers: identity is what this kernel attests.
    if (is_meshed(*workload)) {
      identities_.emplace(workload->identity.id, &workload->identity);
    }
  }
  std::set<uint32_t> taken;
  for (const std::string& name : names) {
    const uint32_t number = take_number(taken, ContentHash().bytes(name.data(), name.size()).narrow());
    numbers_.emplace(name, number);
    out_.policy_names.emplace(number, name);
  }
}

uint32_t PolicyTables::set_for(const config::Workload& workload) {
  const auto& policies = workload.policies.policies;
  if (policies.empty()) {
    return 0;
  }
  // Workloads share a set, unless a rule looks at the destination's address.
  const bool by_address =
      std::ranges::any_of(policies, [](const policy::Policy* policy) { return policy->names_destination_ip(); });
  const auto [found, fresh] = sets_.emplace(std::pair(policies, by_address ? workload.ips : Addresses()), 0);
  if (fresh) {
    found->second = write(evaluate(workload.policies, found->first.second));
  }
  return found->second;
}

Verdicts PolicyTables::evaluate(const policy::PolicySet& set, const Addresses& destinations) const {
  Verdicts verdicts{.dimensions = dimensions_of(set), .entries = {}};
  policy::Facts facts;
  for (const auto& [id, identity] : identities_) {
    facts.source = identity;
    for (const IpClass& each : verdicts.dimensions.classes) {
      if (!each.example) {
        continue;
      }
      facts.source_ip = *each.example;
      facts.remote_ip = *each.example;
      fl_policy_key key{.policy_set = 0, .identity = id, .ip_class = each.id, .port = 0, .pad = 0};
      facts.destination_port = verdicts.dimensions.other_port;
      const fl_verdict others = judge(set, facts, destinations);
      verdicts.entries.emplace(key, others);
      // A port's own entry only where its answer differs: the kernel falls back on port 0.
      for (const uint16_t port : verdicts.dimensions.ports) {
        facts.destination_port = port;
        const fl_verdict own = judge(set, facts, destinations);
        if (!same_bytes(own, others)) {
          key.port = htons(port);
          verdicts.entries.emplace(key, own);
        }
      }
    }
  }
  return verdicts;
}

fl_verdict PolicyTables::judge(const policy::PolicySet& set, policy::Facts facts, const Addresses& destinations) const {
  if (!destinations.empty()) {
    facts.destination_ip = destinations.front();
  }
  policy::Decision decision = set.decide(facts);
  for (size_t i = 1; i < destinations.size() && decision.allowed; ++i) {
    facts.destination_ip = destinations[i];
    decision = set.decide(facts);
  }
  return {.allow = decision.allowed,
          .pad = {},
          .policy = decision.policy != nullptr ? numbers_.at(decision.policy->name()) : 0};
}

uint32_t PolicyTables::write(const Verdicts& verdicts) {
  const uint32_t content = verdicts.content();
  const auto [first, last] = by_content_.equal_range(content);
  for (auto it = first; it != last; ++it) {
    if (it->second.second == verdicts) {
      return it->second.first;
    }
  }
  const uint32_t set = take_number(set_numbers_, content);
  by_content_.emplace(content, std::pair(set, verdicts));
  for (const auto& [relative, verdict] : verdicts.entries) {
    fl_policy_key key = relative;
    key.policy_set = set;
    out_.policy.emplace(key, verdict);
  }
  for (const IpClass& each : verdicts.dimensions.classes) {
    if (each.id != 0) {
      out_.ip_classes.emplace(
          fl_ip_class_key{.prefixlen = 32U + each.block.bits, .policy_set = set, .ip = each.block.address.raw()},
          each.id);
    }
  }
  return set;
}

}  // namespace fairlead::kernel
