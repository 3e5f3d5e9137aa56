#include "agent/bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace fairlead::bench {
namespace {

constexpr int kResamples = 4000;
constexpr uint64_t kSeed = 20250101;

double quantile_of_sorted(std::span<const double> sorted, double q) {
  if (sorted.empty()) {
    return 0;
  }
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(std::floor(at));
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double quantile(std::span<const double> values, double q) {
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  return quantile_of_sorted(sorted, q);
}

double median(std::span<const double> values) { return quantile(values, 0.5); }

Interval interval_of_median(std::span<const double> values) {
  if (values.empty()) {
    return {};
  }
  std::mt19937_64 random(kSeed);
  std::uniform_int_distribution<size_t> draw(0, values.size() - 1);
  std::vector<double> medians, sample(values.size());
  medians.reserve(kResamples);
  for (int i = 0; i < kResamples; ++i) {
    std::ranges::generate(sample, [&] { return values[draw(random)]; });
    std::ranges::sort(sample);
    medians.push_back(quantile_of_sorted(sample, 0.5));
  }
  std::ranges::sort(medians);
  return {quantile_of_sorted(medians, 0.025), quantile_of_sorted(medians, 0.975)};
}

double spread(std::span<const double> values) {
  const double middle = median(values);
  return middle == 0 ? 0 : (quantile(values, 0.75) - quantile(values, 0.25)) / middle;
}

}  // namespace fairlead::bench
