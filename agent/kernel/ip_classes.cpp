#include "agent/kernel/ip_classes.h"

#include "agent/kernel/content_hash.h"

#include <cstring>
#include <span>

namespace fairlead::kernel {
namespace {

// The first address after a block; nullopt: the block ends where addresses end.
std::optional<IpAddress> after(const Cidr& block) {
  auto bytes = block.address.bytes();
  for (int bit = block.bits - 1; bit >= 0; --bit) {
    const auto mask = static_cast<uint8_t>(0x80 >> (bit % 8));
    bytes[bit / 8] ^= mask;
    if ((bytes[bit / 8] & mask) != 0) {
      fl_addr raw;
      std::memcpy(&raw, bytes.data(), sizeof raw);
      return IpAddress(raw);
    }
  }
  return std::nullopt;
}

// An address for which `block` is the longest match among `blocks`: every address of that kind lies in the same blocks,
// so one answers for all. nullopt: narrower blocks cover it whole, and no lookup ends in it.
std::optional<IpAddress> representative(const Cidr& block, std::span<const Cidr> blocks) {
  std::optional<IpAddress> candidate = block.address;
  while (candidate && block.contains(*candidate)) {
    // The widest of the narrower blocks around it; past its end nothing of it is left to try.
    const Cidr* widest = nullptr;
    for (const Cidr& other : blocks) {
      if (other.bits > block.bits && other.contains(*candidate) && (widest == nullptr || other.bits < widest->bits)) {
        widest = &other;
      }
    }
    if (widest == nullptr) {
      return candidate;
    }
    candidate = after(*widest);
  }
  return std::nullopt;
}

}  // namespace

uint32_t take_number(std::set<uint32_t>& taken, uint32_t wanted) {
  while (wanted == 0 || !taken.insert(wanted).second) {
    ++wanted;
  }
  return wanted;
}

std::vector<IpClass> ip_classes_of(const std::set<Cidr>& blocks) {
  std::vector<IpClass> classes;
  const std::vector<Cidr> list(blocks.begin(), blocks.end());
  const Cidr everything{};
  if (!blocks.contains(everything)) {
    classes.push_back({0, everything, representative(everything, list)});
  }
  std::set<uint32_t> taken;
  for (const Cidr& block : list) {
    const uint32_t wanted = ContentHash().add(block.address.bytes()).add(block.bits).narrow();
    classes.push_back({take_number(taken, wanted), block, representative(block, list)});
  }
  return classes;
}

}  // namespace fairlead::kernel
