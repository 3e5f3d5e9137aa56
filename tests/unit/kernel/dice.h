// What the property tests of the tables draw from: dice, and blocks with the addresses at their edges.
#pragma once

#include "tests/unit/kernel/snapshots.h"

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace fairlead::kernel {

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  int roll(int sides) { return static_cast<int>(random_() % static_cast<uint32_t>(sides)); }
  bool one_in(int sides) { return roll(sides) == 0; }
  template <class T>
  const T& pick(const std::vector<T>& list) {
    return list[static_cast<size_t>(roll(static_cast<int>(list.size())))];
  }

 private:
  std::mt19937 random_;
};

// Nested, adjacent, equal and whole blocks of both families, and single addresses at their edges.
inline const std::vector<std::string> kBlocks = {"0.0.0.0/0",    "::/0",           "10.0.0.0/8",    "10.0.0.0/9",
                                                 "10.128.0.0/9", "10.1.0.0/16",    "10.1.2.0/24",   "10.1.2.3",
                                                 "10.1.2.0/32",  "10.1.2.0/25",    "10.1.2.128/25", "255.255.255.255",
                                                 "fd00::/8",     "fd00::/64",      "fd00::1",       "::1",
                                                 "::",           "ffff:ffff::/32", "::/1",          "8000::/1"};
// The first and last address of each block, their neighbours outside, and one that no block holds.
inline std::vector<IpAddress> interesting_addresses() {
  std::vector<IpAddress> out = {ip("192.0.2.1"), ip("2001:db8::1"), ip("10.1.2.3"), ip("10.1.2.200"),
                                ip("10.127.255.255")};
  for (const std::string& text : kBlocks) {
    const Cidr block = Cidr::parse(text).value();
    auto last = block.address.bytes();
    for (int bit = block.bits; bit < 128; ++bit) {
      last[bit / 8] |= static_cast<uint8_t>(0x80 >> (bit % 8));
    }
    for (const auto& edge : {block.address.bytes(), last}) {
      for (const int step : {-1, 0, 1}) {
        auto bytes = edge;
        for (int i = 15, carry = step; i >= 0 && carry != 0; --i) {
          const int sum = bytes[i] + carry;
          bytes[i] = static_cast<uint8_t>(sum);
          carry = sum < 0 ? -1 : sum > 255 ? 1 : 0;
        }
        fl_addr raw;
        std::memcpy(&raw, bytes.data(), sizeof raw);
        out.emplace_back(raw);
      }
    }
  }
  return out;
}

}  // namespace fairlead::kernel
