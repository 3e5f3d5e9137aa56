// What a run tells while it goes on, on stderr: one line that is overwritten where that is a terminal, with the time
// left; elsewhere a line for each larger step. Main thread only.
#pragma once

#include "agent/bench/process.h"

#include <string>

namespace fairlead::bench {

class Progress {
 public:
  // Steps that are still to come, all of about one length.
  void expect(size_t steps) { steps_ += steps; }
  void step(const std::string& what);
  void line(const std::string& what) const;
  // Nothing of it stays on the terminal.
  void clear() const;

 private:
  size_t steps_ = 0, done_ = 0;
  const bool is_terminal_ = is_terminal();
  const Clock::time_point start_ = Clock::now();

  static bool is_terminal();
};

}  // namespace fairlead::bench
