// What processes use: memory and CPU time, out of procfs. Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace fairlead::bench {

struct Memory {
  uint64_t rss_kib = 0;  // resident, shared pages of libraries counted whole
  uint64_t pss_kib = 0;  // shared pages counted by their share
};

// /proc/PID/smaps_rollup (Linux 4.14). Nothing if the process is gone or may not be read.
std::optional<Memory> memory_of(pid_t pid);

// Time on a CPU of all its living threads, in microseconds: /proc/PID/task/*/schedstat, exact to the nanosecond where
// utime and stime count ticks. 0 if it is gone, or the kernel keeps no such count.
double cpu_us_of(pid_t pid);

}  // namespace fairlead::bench
