// What processes have used, read from /proc. Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>

namespace fairlead::bench {

struct Memory {
  uint64_t rss_kib = 0;  // resident, shared pages of libraries counted whole
  uint64_t pss_kib = 0;  // shared pages counted by their share
};

// /proc/PID/smaps_rollup (Linux 4.14). Nothing if the process is gone or may not be read.
std::optional<Memory> memory_of(pid_t pid);

// What the kernel holds for the TCP sockets of the whole machine: the sockets themselves (/proc/slabinfo, which root
// may read) and what is in their queues. Nothing where the kernel does not tell.
std::optional<uint64_t> tcp_sockets_kib();

// Of a process, since it started; all zero once it has gone.
struct Usage {
  double cpu_us = 0;                  // exact: /proc/PID/task/*/schedstat
  double user_us = 0, system_us = 0;  // in ticks of 10 ms: how cpu_us is divided, once there are many
  uint64_t context_switches = 0;      // voluntary and not

  Usage& operator+=(const Usage& other);
  Usage operator-(const Usage& before) const;  // zero, not less, where it has gone meanwhile
};
Usage usage_of(pid_t pid);

// Time of these CPUs in software interrupts, in ticks of 10 ms. Where the kernel does not account interrupts by
// themselves (IRQ_TIME_ACCOUNTING), processes that were interrupted have it too.
double softirq_us(std::span<const int> cpus);

}  // namespace fairlead::bench
