// The weighted choice is exact over the whole range of the random number.
#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/route/route.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <vector>

namespace fairlead::route {
namespace {

using Wide = unsigned __int128;
constexpr Wide kRange = Wide{1} << 64;

Forward weighted(const std::vector<uint32_t>& weights) {
  Forward forward;
  for (const uint32_t weight : weights) {
    forward.clusters.push_back({.weight = weight});
    forward.total_weight += weight;
  }
  return forward;
}

TEST(Forward, EveryClusterOwnsExactlyItsShareOfTheRandomNumbers) {
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  for (const auto& weights : std::vector<std::vector<uint32_t>>{
           {1}, {90, 10}, {1, 3}, {0, 100}, {100, 0}, {1, 1, 1}, {0, 7, 0, 0, 5, 1, 0}, {kMost, 1, kMost}}) {
    const Forward forward = weighted(weights);
    const Wide total = forward.total_weight;
    Wide before = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      // The numbers r with before <= r * total / 2^64 < before + weight: from one ceiling to the next.
      const Wide first = (before * kRange + total - 1) / total;
      before += weights[i];
      const Wide end = (before * kRange + total - 1) / total;
      if (first == end) {
        ASSERT_EQ(weights[i], 0u);
        continue;
      }
      EXPECT_EQ(&forward.pick(static_cast<uint64_t>(first)), &forward.clusters[i]);
      EXPECT_EQ(&forward.pick(static_cast<uint64_t>(end - 1)), &forward.clusters[i]);
      // A share that is no whole number is rounded, by less than one.
      EXPECT_LE((end - first) * total, weights[i] * kRange + total);
      EXPECT_GE((end - first) * total + total, weights[i] * kRange);
    }
    EXPECT_EQ(before, total);
  }
}

TEST(Forward, AWeightOfZeroIsNeverPicked) {
  const Forward forward = weighted({0, 1, 0});
  for (const uint64_t random : {uint64_t{0}, uint64_t{1} << 63, std::numeric_limits<uint64_t>::max()}) {
    EXPECT_EQ(&forward.pick(random), &forward.clusters[1]);
  }
}

}  // namespace
}  // namespace fairlead::route
