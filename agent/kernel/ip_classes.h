// Classes of addresses: what a list of blocks tells apart. The kernel finds an address's class by its longest match
// (m_ip_classes); an example stands for all of its class when the agent evaluates. Pure, any thread.
#pragma once

#include "userspace-proxy/base/address.h"

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace fairlead::kernel {

struct IpClass {
  uint32_t id = 0;  // 0: in no block
  Cidr block;
  std::optional<IpAddress> example;  // nullopt: narrower blocks cover it whole, and no lookup ends in it
};

// Numbered by their contents. With class 0 unless a block holds every address.
std::vector<IpClass> ip_classes_of(const std::set<Cidr>& blocks);

// The first number from `wanted` on that is neither 0 nor taken; takes it.
uint32_t take_number(std::set<uint32_t>& taken, uint32_t wanted);

}  // namespace fairlead::kernel
