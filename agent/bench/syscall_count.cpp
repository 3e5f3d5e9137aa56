#include "agent/bench/syscall_count.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>

namespace fairlead::bench {
namespace {

// The tracepoint's number. tracefs may be mounted nowhere: a mount that is attached to no path shows it and leaves
// nothing behind.
Result<uint64_t> tracepoint() {
  const Fd filesystem(static_cast<int>(syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC)));
  if (!filesystem || syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return fail_sys("tracefs");
  }
  const Fd root(static_cast<int>(syscall(SYS_fsmount, filesystem.get(), FSMOUNT_CLOEXEC, 0)));
  const Fd file(openat(root.get(), "events/raw_syscalls/sys_enter/id", O_RDONLY | O_CLOEXEC));
  std::array<char, 32> text{};
  if (!file || read(file.get(), text.data(), text.size()) <= 0) {
    return fail_sys("raw_syscalls:sys_enter");
  }
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<SyscallCount> SyscallCount::open(pid_t pid) {
  const auto number = tracepoint();
  if (!number) {
    return std::unexpected(number.error());
  }
  perf_event_attr wanted{};
  wanted.type = PERF_TYPE_TRACEPOINT;
  wanted.size = sizeof wanted;
  wanted.config = *number;
  SyscallCount count;
  std::error_code error;
  std::filesystem::directory_iterator tasks(fmt::format("/proc/{}/task", pid), error);
  for (const std::filesystem::directory_iterator end; !error && tasks != end; tasks.increment(error)) {
    const auto thread = static_cast<pid_t>(std::strtol(tasks->path().filename().c_str(), nullptr, 10));
    Fd counter(static_cast<int>(syscall(SYS_perf_event_open, &wanted, thread, -1, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!counter) {
      return fail_sys("perf_event_open");
    }
    count.threads_.push_back(std::move(counter));
  }
  return count;
}

uint64_t SyscallCount::read() const {
  uint64_t sum = 0;
  for (const Fd& thread : threads_) {
    uint64_t value = 0;
    if (::read(thread.get(), &value, sizeof value) == sizeof value) {
      sum += value;
    }
  }
  return sum;
}

}  // namespace fairlead::bench
