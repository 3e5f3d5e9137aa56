// The statistics of the bench: medians, and what the rounds say about how far to trust them. Pure; any thread.
//
// Medians, not means: on a shared machine a round that lost its core to somebody else is slow by any amount, and never
// fast by any amount. The interval is the percentile bootstrap's (Efron and Tibshirani 1993, chapter 13), with a fixed
// seed: the same rounds always give the same report.
#pragma once

#include <span>

namespace fairlead::bench {

struct Interval {
  double low = 0, high = 0;
};

// Linear interpolation between order statistics (R's type 7), q in [0, 1]. The values need no order. 0 for none.
double quantile(std::span<const double> values, double q);
double median(std::span<const double> values);

// The 95 % interval of the median, out of 4,000 resamples. One value: that value twice.
Interval interval_of_median(std::span<const double> values);

// The 95 % interval of median(above) / median(below), two samples that have nothing to do with each other: each is
// resampled on its own (the same, chapter 8.3). All zero if either has no values.
Interval interval_of_quotient(std::span<const double> above, std::span<const double> below);

// The distance between the quartiles, as a share of the median: 0.02 says that half of the rounds lie within 2 %.
double spread(std::span<const double> values);

}  // namespace fairlead::bench
