#include "userspace-proxy/config/source_ring.h"

#include "bpf/abi/balance.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fairlead::config {
namespace {

constexpr size_t kPointsPerEndpoint = 128;
constexpr size_t kPointsMax = 1U << 17U;
constexpr size_t kSlotsPerEndpoint = 64;
constexpr size_t kSlotsMin = 256;
constexpr size_t kSlotsMax = size_t{1} << FL_SLOT_BITS_MAX;

struct Point {
  uint32_t at;
  uint32_t endpoint;
  auto operator<=>(const Point&) const = default;
};

// SplitMix64's finalizer (Steele, Lea, Flood 2014).
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

// Where an endpoint's points are depends on itself alone.
uint64_t seed_of(const SocketAddress& endpoint) {
  uint64_t words[2];
  std::memcpy(words, endpoint.ip.bytes().data(), sizeof words);
  return mix(mix(words[0]) ^ words[1]) ^ endpoint.port;
}

std::vector<Point> points_of(std::span<const SocketAddress> endpoints) {
  const size_t each = std::clamp<size_t>(kPointsMax / endpoints.size(), 1, kPointsPerEndpoint);
  std::vector<Point> points;
  points.reserve(endpoints.size() * each);
  for (uint32_t i = 0; i < endpoints.size(); ++i) {
    uint64_t state = seed_of(endpoints[i]);
    for (size_t n = 0; n < each; ++n) {
      points.push_back({static_cast<uint32_t>(mix(state += 0x9e3779b97f4a7c15ULL) >> 32U), i});
    }
  }
  std::ranges::sort(points);
  return points;
}

}  // namespace

SourceRing::SourceRing(std::span<const SocketAddress> endpoints)
    : bits_(static_cast<unsigned>(
          std::bit_width(std::clamp(std::bit_ceil(endpoints.size() * kSlotsPerEndpoint), kSlotsMin, kSlotsMax) - 1))) {
  const std::vector<Point> points = points_of(endpoints);
  slots_.reserve(size_t{1} << bits_);
  auto next = points.begin();
  for (uint64_t slot = 0; slot < size_t{1} << bits_; ++slot) {
    while (next != points.end() && next->at < slot << (32U - bits_)) {
      ++next;
    }
    slots_.push_back(next != points.end() ? next->endpoint : points.front().endpoint);
  }
}

uint32_t SourceRing::pick(const IpAddress& source) const {
  const fl_addr raw = source.raw();
  return slots_[fl_source_hash(&raw) >> (32U - bits_)];
}

}  // namespace fairlead::config
