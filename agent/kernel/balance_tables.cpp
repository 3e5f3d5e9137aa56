#include "agent/kernel/balance_tables.h"

#include "agent/kernel/content_hash.h"
#include "agent/kernel/policy_tables.h"

#include <algorithm>
#include <span>

namespace fairlead::kernel {
namespace {

using config::Balance;

// Those that a client of the address can reach: a socket of one family cannot be sent to the other.
std::vector<fl_backend> backends_of(const config::Cluster& cluster, const IpAddress& vip) {
  std::vector<fl_backend> backends;
  for (const config::Endpoint& endpoint : cluster.endpoints) {
    if (endpoint.address.ip.is_v4() == vip.is_v4()) {
      backends.push_back({.owner = owner_of(endpoint.workload), .address = endpoint.address.raw(), .pad = 0});
    }
  }
  return backends;
}

// Where nobody says how, at random, as kube-proxy and Istio's ztunnel do: counting connections costs each of them.
fl_balance mode_of(Balance balance) {
  switch (balance) {
    case Balance::kRoundRobin:
      return FL_BALANCE_ROUND_ROBIN;
    case Balance::kLeastRequest:
      return FL_BALANCE_LEAST_CONNECTIONS;
    case Balance::kSource:
      return FL_BALANCE_SOURCE;
    case Balance::kRandom:
    case Balance::kUnspecified:
      break;
  }
  return FL_BALANCE_RANDOM;
}

}  // namespace

void BalanceTables::add(const config::Cluster& cluster, const IpAddress& vip, fl_target& target) {
  target.affinity_s = static_cast<uint32_t>(cluster.affinity.count());
  const std::vector<fl_backend> backends = backends_of(cluster, vip);
  if (backends.empty()) {
    return;
  }
  target.backends = write(cluster, backends);
  target.count = static_cast<uint32_t>(backends.size());
  if (backends.size() == 1) {
    return;
  }
  target.balance = static_cast<uint8_t>(mode_of(cluster.balance));
  if (target.balance == FL_BALANCE_ROUND_ROBIN) {
    out_.turns.emplace(target.backends, target.backends);  // not all sets begin with their first endpoint
  } else if (target.balance == FL_BALANCE_LEAST_CONNECTIONS) {
    for (const fl_backend& backend : backends) {
      out_.loads.emplace(backend.address, fl_load{.open = 0, .epoch = 1, .pad = 0});
    }
  } else if (target.balance == FL_BALANCE_SOURCE) {
    const config::SourceRing& ring = vip.is_v4() ? *cluster.ipv4_ring : *cluster.ipv6_ring;
    target.slot_bits = static_cast<uint8_t>(ring.bits());
    write_slots(target.backends, ring);
  }
}

uint64_t BalanceTables::write(const config::Cluster& cluster, const std::vector<fl_backend>& backends) {
  ContentHash hash;
  for (const fl_backend& backend : backends) {
    hash.add(backend);
  }
  // Services that take turns do not take them from each other.
  if (cluster.balance == Balance::kRoundRobin) {
    hash.bytes(cluster.name.data(), cluster.name.size());
  }
  const uint64_t set = hash.wide();  // 64 bits: two contents with one name are not to be expected in any lifetime
  for (uint32_t i = 0; i < backends.size(); ++i) {
    out_.backends.emplace(fl_backend_key{.set = set, .index = i, .pad = 0}, backends[i]);
  }
  return set;
}

void BalanceTables::write_slots(uint64_t set, const config::SourceRing& ring) {
  const std::span<const uint32_t> slots = ring.slots();
  for (uint32_t block = 0; block < slots.size() / FL_SLOTS_PER_BLOCK; ++block) {
    fl_slots part;
    std::ranges::copy(slots.subspan(size_t{block} * FL_SLOTS_PER_BLOCK, FL_SLOTS_PER_BLOCK), part.index);
    out_.slots.emplace(fl_backend_key{.set = set, .index = block, .pad = 0}, part);
  }
}

}  // namespace fairlead::kernel
