// A consistent choice: every source has an endpoint, shares are even, and a change moves its own share only.
#include "userspace-proxy/config/source_ring.h"

#include "bpf/abi/balance.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace fairlead::config {
namespace {

constexpr uint32_t kSources = 20'000;

std::vector<SocketAddress> endpoints(uint32_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<SocketAddress> out;
  for (uint32_t i = 0; i < count; ++i) {
    out.push_back({.ip = IpAddress::from_v4({.s_addr = htonl(0x0a000000 + (random() & 0xffffff))}),
                   .port = static_cast<uint16_t>(8080 + i % 2)});
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

IpAddress source(uint32_t n) { return IpAddress::from_v4({.s_addr = htonl(0x0af40000 + n)}); }

std::vector<SocketAddress> choices(const std::vector<SocketAddress>& list) {
  const SourceRing ring(list);
  std::vector<SocketAddress> out;
  for (uint32_t n = 0; n < kSources; ++n) {
    out.push_back(list[ring.pick(source(n))]);
  }
  return out;
}

class SourceRingTest : public testing::TestWithParam<uint32_t> {};

TEST_P(SourceRingTest, TakingAnEndpointAwayMovesItsOwnSourcesOnly) {
  std::vector<SocketAddress> list = endpoints(GetParam(), 1);
  const auto before = choices(list);
  const SocketAddress gone = list[list.size() / 2];
  std::erase(list, gone);
  const auto after = choices(list);
  std::map<SocketAddress, int> heirs;
  const bool as_fine = SourceRing(list).bits() == SourceRing(endpoints(GetParam(), 1)).bits();
  for (uint32_t n = 0; n < kSources; ++n) {
    if (before[n] == gone) {
      ++heirs[after[n]];
    } else if (as_fine) {
      ASSERT_EQ(after[n], before[n]) << n;
    }
  }
  EXPECT_GE(heirs.size(), std::min<size_t>(list.size(), 3)) << "what it had is spread";
}

// Where the ring becomes finer, sources at the edges of slots move too.
TEST_P(SourceRingTest, AddingAnEndpointTakesItsShareFromTheOthers) {
  std::vector<SocketAddress> list = endpoints(GetParam(), 2);
  const auto before = choices(list);
  const SocketAddress fresh{.ip = IpAddress::from_v4({.s_addr = htonl(0x0b000001)}), .port = 80};
  list.push_back(fresh);
  const auto after = choices(list);
  uint32_t moved = 0, strays = 0;
  for (uint32_t n = 0; n < kSources; ++n) {
    moved += after[n] == fresh ? 1 : 0;
    strays += after[n] != fresh && after[n] != before[n] ? 1 : 0;
  }
  const double share = static_cast<double>(kSources) / static_cast<double>(list.size());
  EXPECT_GT(moved, share * 0.5);
  EXPECT_LT(moved, share * 1.6);
  EXPECT_LT(strays, kSources / 10);
}

TEST_P(SourceRingTest, SharesAreEvenWithinAThird) {
  const std::vector<SocketAddress> list = endpoints(GetParam(), 3);
  const SourceRing ring(list);
  std::vector<uint32_t> slots(list.size());
  for (const uint32_t index : ring.slots()) {
    ASSERT_LT(index, list.size());
    ++slots[index];
  }
  const double fair = static_cast<double>(ring.slots().size()) / static_cast<double>(list.size());
  EXPECT_GT(std::ranges::min(slots), fair * 0.6);
  EXPECT_LT(std::ranges::max(slots), fair * 1.45);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SourceRingTest, testing::Values(2U, 3U, 7U, 20U, 60U));

TEST(SourceRing, SourcesFallOnSlotsEvenly) {
  const SourceRing ring(endpoints(4, 4));
  std::vector<int> counts(16);
  for (uint32_t n = 0; n < kSources; ++n) {
    const fl_addr raw = source(n).raw();
    ++counts[fl_source_hash(&raw) >> 28U];
  }
  double chi_square = 0;
  for (const int count : counts) {
    chi_square += (count - kSources / 16.0) * (count - kSources / 16.0) / (kSources / 16.0);
  }
  EXPECT_LT(chi_square, 50) << "15 degrees of freedom, neighbouring addresses";
}

TEST(SourceRing, DependsOnTheEndpointsAlone) {
  const auto list = endpoints(9, 5);
  EXPECT_TRUE(std::ranges::equal(SourceRing(list).slots(), SourceRing(list).slots()));
}

TEST(SourceRing, AHundredThousandEndpointsAreNoHarder) {
  const SourceRing ring(endpoints(100'000, 6));
  EXPECT_EQ(ring.bits(), 16U);
  EXPECT_EQ(ring.slots().size(), 65'536U);
}

TEST(SourceRing, OneEndpointHasAllSources) {
  const SourceRing ring(endpoints(1, 7));
  EXPECT_EQ(ring.pick(source(1)), 0U);
  EXPECT_EQ(std::ranges::max(ring.slots()), 0U);
}

}  // namespace
}  // namespace fairlead::config
