// Which endpoint a source address is sent to, so that it stays when others come and go: consistent hashing on a ring.
// Each endpoint owns many points of the ring; a source belongs to the next point. Taking an endpoint away moves its own
// sources and no others; adding one takes from each of the others its share. The ring is kept as slots of equal width,
// which is what the kernel looks up (bpf/abi/balance.h).
//
// The widths differ by some 10 % between endpoints (128 points each). From 1,024 endpoints on there are fewer points
// each, and beyond 65,536 some endpoints have no slot. Immutable, any thread.
#pragma once

#include "userspace-proxy/base/address.h"

#include <cstdint>
#include <span>
#include <vector>

namespace fairlead::config {

class SourceRing {
 public:
  // REQUIRES: at least one endpoint; each once.
  explicit SourceRing(std::span<const SocketAddress> endpoints);

  // Index of its endpoint.
  [[nodiscard]] uint32_t pick(const IpAddress& source) const;
  // By slot, the index of the endpoint; 2^bits of them.
  [[nodiscard]] std::span<const uint32_t> slots() const { return slots_; }
  [[nodiscard]] unsigned bits() const { return bits_; }

 private:
  unsigned bits_;
  std::vector<uint32_t> slots_;
};

}  // namespace fairlead::config
