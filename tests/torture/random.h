// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine, which <random>'s distributions are not.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace fairlead::torture {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  // 0 to `bound` - 1.
  uint64_t below(uint64_t bound) { return next() % bound; }
  bool one_in(uint64_t chances) { return below(chances) == 0; }
  // 1 to `most`, each power of two as likely as any other.
  uint64_t by_magnitude(uint64_t most) {
    const uint64_t floor = 1ULL << below(static_cast<uint64_t>(std::bit_width(most)));
    return std::min(floor + below(floor), most);
  }
  template <class Enum>
  Enum pick(Enum count) {
    return static_cast<Enum>(below(static_cast<uint64_t>(count)));
  }

 private:
  uint64_t state_;
};

}  // namespace fairlead::torture
