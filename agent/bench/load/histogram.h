// A histogram of times in ns, 1 ns to 100 s at three significant digits: HdrHistogram's, in its layout and its log
// format V2 (hdrhistogram.org), so that its tools read what the bench writes. A plain block of memory without pointers:
// a child process can record into a shared mapping. 230 KB: never on the stack. No locking; any one thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::bench {

class Histogram {
 public:
  static constexpr uint64_t kHighest = 100'000'000'000;  // longer times count as this one

  void record(uint64_t ns, uint64_t count = 1);
  void add(const Histogram& other);

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] uint64_t max() const { return max_; }  // exact; 0 if empty
  [[nodiscard]] double mean() const;                   // exact; 0 if empty
  // The least value that `q` (0 to 1) of all are not above, to three digits; 0 if empty.
  [[nodiscard]] uint64_t at(double q) const;

  // Points of the distribution for a chart, as HdrHistogram's percentile output chooses them: `per_half` in each
  // halving of the distance to 1, the last one at 1. Quantile and ns.
  struct Point {
    double q;
    uint64_t ns;
  };
  [[nodiscard]] std::vector<Point> curve(unsigned per_half) const;

  // V2, compressed, in base64: the last column of a line of a histogram log.
  [[nodiscard]] std::string encode() const;

 private:
  static constexpr unsigned kSubBits = 11;  // 2,048 values per power of two: three digits
  static constexpr uint64_t kHalf = 1ULL << (kSubBits - 1);
  static constexpr size_t kPowers = 27;  // 2,048 << 26 is beyond kHighest

  static size_t index_of(uint64_t ns);
  static uint64_t lowest_at(size_t index);
  static uint64_t highest_at(size_t index);

  uint64_t count_ = 0, max_ = 0, sum_ = 0;
  std::array<uint64_t, (kPowers + 1) * kHalf> counts_{};
};

// A histogram log (HdrHistogram's log format 1.3): made of a header and one line for each tagged histogram.
std::string histogram_log_header(double start_unix_s);
// `tag` without commas, blanks and line ends.
std::string histogram_log_line(const std::string& tag, double seconds, const Histogram& histogram);

}  // namespace fairlead::bench
