// Counts the system calls of running processes: the kernel's tracepoint raw_syscalls:sys_enter through
// perf_event_open(2), which costs each call a few ns and needs CAP_PERFMON. Any one thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace fairlead::bench {

class SyscallCount {
 public:
  // Of every thread that the process has now. An error where the kernel has no such tracepoint.
  static Result<SyscallCount> open(pid_t pid);
  [[nodiscard]] uint64_t read() const;  // since open

 private:
  std::vector<Fd> threads_;
};

}  // namespace fairlead::bench
