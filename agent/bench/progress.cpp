#include "agent/bench/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace fairlead::bench {

bool Progress::is_terminal() { return isatty(STDERR_FILENO) == 1; }

void Progress::step(const std::string& what) {
  const double spent = std::chrono::duration<double>(Clock::now() - start_).count();
  const size_t to_come = steps_ - std::min(steps_, done_);
  const double left = done_ == 0 ? 0 : spent / static_cast<double>(done_) * static_cast<double>(to_come);
  ++done_;
  if (is_terminal_) {
    fmt::print(stderr, "\r\033[K[{}/{}] {}, {:.0f} s left", done_, std::max(steps_, done_), what, left);
    std::fflush(stderr);
  }
}

void Progress::line(const std::string& what) const {
  fmt::print(stderr, "{}{}\n", is_terminal_ ? "\r\033[K" : "", what);
}

void Progress::clear() const {
  if (is_terminal_) {
    fmt::print(stderr, "\r\033[K");
  }
}

}  // namespace fairlead::bench
