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

// Medians of samples drawn with replacement out of the values.
class Resampling {
 public:
  explicit Resampling(std::span<const double> values)
      : values_(values), draw_(0, values.size() - 1), sample_(values.size()) {}

  double next(std::mt19937_64& random) {
    std::ranges::generate(sample_, [&] { return values_[draw_(random)]; });
    std::ranges::sort(sample_);
    return quantile_of_sorted(sample_, 0.5);
  }

 private:
  std::span<const double> values_;
  std::uniform_int_distribution<size_t> draw_;
  std::vector<double> sample_;
};

// Where 95 % of what `next` gives lie.
template <class Next>
Interval interval_of(Next next) {
  std::vector<double> values(kResamples);
  std::ranges::generate(values, next);
  std::ranges::sort(values);
  return {quantile_of_sorted(values, 0.025), quantile_of_sorted(values, 0.975)};
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
  Resampling medians(values);
  return interval_of([&] { return medians.next(random); });
}

Interval interval_of_quotient(std::span<const double> above, std::span<const double> below) {
  if (above.empty() || below.empty()) {
    return {};
  }
  std::mt19937_64 random(kSeed);
  Resampling medians_above(above), medians_below(below);
  return interval_of([&] {
    const double numerator = medians_above.next(random);
    return numerator / medians_below.next(random);
  });
}

double spread(std::span<const double> values) {
  const double middle = median(values);
  return middle == 0 ? 0 : (quantile(values, 0.75) - quantile(values, 0.25)) / middle;
}

}  // namespace fairlead::bench
