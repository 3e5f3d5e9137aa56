#include "userspace-proxy/plan/balance.h"

#include <algorithm>
#include <span>

namespace fairlead::plan {
namespace {

using config::Balance;
using config::Cluster;
using config::Endpoint;
using Endpoints = std::span<const Endpoint>;

const Endpoint* find(Endpoints endpoints, const SocketAddress& address) {
  const auto found = std::ranges::lower_bound(endpoints, address, {}, &Endpoint::address);
  return found != endpoints.end() && found->address == address ? &*found : nullptr;
}

// The client as a consistent choice knows it.
IpAddress source_ip(const Outbound& from) {
  const std::vector<IpAddress>& own = from.source.ips;
  const auto found = std::ranges::find(own, from.dialled.ip.is_v4(), &IpAddress::is_v4);
  return found != own.end() ? *found : (own.empty() ? IpAddress() : own.front());
}

// The endpoint with the highest rank for this client (rendezvous hashing): it stays while others come and go. Costs a
// hash per endpoint.
const Endpoint* highest_ranked(Endpoints endpoints, const IpAddress& client) {
  const size_t seed = std::hash<IpAddress>()(client);
  const auto rank = [&](const Endpoint& endpoint) {
    uint64_t z = std::hash<SocketAddress>()(endpoint.address) + 0x9e3779b97f4a7c15ULL * seed;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;  // SplitMix64's finalizer
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  };
  return &*std::ranges::max_element(endpoints, {}, rank);
}

// The less loaded of two that are drawn; of equals the first.
const Endpoint* less_loaded(Endpoints endpoints, const Outbound& from) {
  const auto count = static_cast<uint32_t>(endpoints.size());
  const uint32_t first = static_cast<uint32_t>(from.random) % count;
  // The second choice is another endpoint, each equally likely.
  const uint32_t second = (first + 1 + static_cast<uint32_t>(from.random >> 32) % (count - 1)) % count;
  const uint32_t a = from.state.active(endpoints[first].address), b = from.state.active(endpoints[second].address);
  return &endpoints[b < a ? second : first];
}

const Endpoint* by_source(const Cluster& cluster, Endpoints endpoints, const Outbound& from) {
  const auto& ring = endpoints.front().address.ip.is_v4() ? cluster.ipv4_ring : cluster.ipv6_ring;
  return ring ? &endpoints[ring->pick(source_ip(from))] : &endpoints.front();
}

const Endpoint* balanced(const Cluster& cluster, Endpoints endpoints, const Outbound& from) {
  switch (cluster.balance) {
    case Balance::kRoundRobin:
      return &endpoints[from.state.next_turn(cluster) % endpoints.size()];
    case Balance::kRandom:
      return &endpoints[static_cast<uint32_t>(from.random) % endpoints.size()];
    case Balance::kSource:
      return by_source(cluster, endpoints, from);
    case Balance::kUnspecified:
    case Balance::kLeastRequest:
      break;
  }
  return less_loaded(endpoints, from);
}

}  // namespace

const Endpoint* choose_endpoint(const Cluster& cluster, const Outbound& from) {
  Endpoints endpoints = cluster.of_family(from.dialled.ip);
  if (endpoints.size() <= 1) {
    return endpoints.empty() ? nullptr : endpoints.data();
  }
  if (cluster.original_destination) {
    const auto dialled = std::ranges::find(endpoints, from.dialled.ip, [](const Endpoint& e) { return e.address.ip; });
    if (dialled != endpoints.end()) {
      return &*dialled;
    }
  }
  if (cluster.affinity.count() == 0) {
    return balanced(cluster, endpoints, from);
  }
  // The kernel keeps the affinity of the service that was dialled, for all proxies and for the kernel path. Where a
  // route leads elsewhere, or the endpoint was lost after the connection was opened, no time is kept.
  const Endpoint* const kept = find(endpoints, from.kept);
  return kept != nullptr ? kept : highest_ranked(endpoints, source_ip(from));
}

}  // namespace fairlead::plan
