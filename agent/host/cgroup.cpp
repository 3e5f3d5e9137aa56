#include "agent/host/cgroup.h"

#include "agent/host/file.h"
#include "userspace-proxy/base/fd.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace fairlead::host {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

bool is_listed(const std::vector<pid_t>& pids, pid_t pid) { return std::ranges::find(pids, pid) != pids.end(); }

}  // namespace

Result<std::string> find_cgroup2(std::string_view mountinfo) {
  for (const std::string_view line : split(mountinfo, '\n')) {
    // ID PARENT MAJOR:MINOR ROOT MOUNT_POINT OPTIONS [TAG ...] - TYPE SOURCE SUPER_OPTIONS
    const auto fields = split(line, ' ');
    const auto dash = std::ranges::find(fields, "-");
    if (fields.size() > 5 && dash != fields.end() && dash + 1 != fields.end() && dash[1] == "cgroup2" &&
        fields[3] == "/") {
      return std::string(fields[4]);
    }
  }
  return fail(
      "no cgroup2 hierarchy is mounted here (needed to attach programs): mount -t cgroup2 none /sys/fs/cgroup/unified");
}

Result<std::string> find_cgroup2() {
  const auto text = read_file("/proc/self/mountinfo");
  return text ? find_cgroup2(*text) : std::unexpected(text.error());
}

std::string cgroup2_path_of(std::string_view proc_cgroup) {
  for (const std::string_view line : split(proc_cgroup, '\n')) {
    if (line.starts_with("0::")) {
      return std::string(line.substr(3));
    }
  }
  return "/";
}

bool Cgroup::exists() const { return access(directory_.c_str(), F_OK) == 0; }

Status Cgroup::create() const {
  if (mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST) {
    return fail_sys(directory_);
  }
  return {};
}

Status Cgroup::add(pid_t pid) const { return write_existing(directory_ + "/cgroup.procs", std::to_string(pid)); }

std::vector<pid_t> Cgroup::processes() const {
  std::vector<pid_t> pids;
  const auto text = read_file(directory_ + "/cgroup.procs");
  if (!text) {
    return pids;
  }
  for (const std::string_view line : split(*text, '\n')) {
    pid_t pid = 0;
    std::from_chars(line.data(), line.data() + line.size(), pid);
    if (pid > 0) {  // 0: a process of another pid namespace
      pids.push_back(pid);
    }
  }
  return pids;
}

void Cgroup::signal(const std::vector<pid_t>& pids, int number) const {
  for (const pid_t pid : pids) {
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (pidfd && is_listed(processes(), pid)) {
      syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
    }
  }
}

void Cgroup::kill_all() const {
  if (write_existing(directory_ + "/cgroup.kill", "1")) {
    return;
  }
  for (const pid_t pid : processes()) {
    kill(pid, SIGKILL);
  }
}

Status Cgroup::remove() const {
  for (int attempt = 0;; ++attempt) {
    if (rmdir(directory_.c_str()) == 0 || errno == ENOENT) {
      return {};
    }
    if (errno != EBUSY || attempt == 100) {
      return fail_sys(directory_);
    }
    usleep(10'000);
  }
}

}  // namespace fairlead::host
