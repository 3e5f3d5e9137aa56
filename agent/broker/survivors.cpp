#include "agent/broker/survivors.h"

#include "agent/host/file.h"
#include "userspace-proxy/base/log.h"
#include "userspace-proxy/telemetry/arena.h"
#include "userspace-proxy/telemetry/arena_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>

namespace fairlead::agent_broker {
namespace {

using workload::Listener;

std::string proc(pid_t pid, std::string_view what) { return fmt::format("/proc/{}/{}", pid, what); }

bool same_file(const std::string& a, const std::string& b) {
  struct stat one{}, other{};
  return stat(a.c_str(), &one) == 0 && stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

// Field 22 of /proc/PID/stat (proc(5)); the program's name before it may hold blanks and brackets.
uint64_t start_time_of(pid_t pid) {
  const std::string text = host::read_file(proc(pid, "stat")).value_or("");
  size_t at = text.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) {
    at = text.find(' ', at + 1);
  }
  uint64_t ticks = 0;
  if (at != std::string::npos) {
    std::from_chars(text.data() + at + 1, text.data() + text.size(), ticks);
  }
  return ticks;
}

// All four of the user ids are this one.
bool runs_as(pid_t pid, uid_t uid) {
  const std::string text = host::read_file(proc(pid, "status")).value_or("");
  return text.contains(fmt::format("\nUid:\t{0}\t{0}\t{0}\t{0}\n", uid));
}

std::vector<int> descriptors_of(pid_t pid) {
  std::vector<int> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(proc(pid, "fd").c_str()), closedir);
  while (const dirent* item = directory ? readdir(directory.get()) : nullptr) {
    const std::string_view name = item->d_name;
    int number = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc()) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

bool is_exited(const Fd& pidfd) {
  pollfd exited{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return poll(&exited, 1, 0) != 0;
}

// An arena like those that we make, but for the number of workers.
std::optional<uint32_t> workers_of_arena(const Fd& fd) {
  const auto header = telemetry::read_arena_header(fd.get());
  const telemetry::ArenaSize ours;
  if (!header || header->series_bytes != ours.series_bytes || header->record_bytes != ours.record_bytes) {
    return std::nullopt;
  }
  return header->workers;
}

enum class Kind : uint8_t { kSocket, kMemory, kOther };

// By its name, which the kernel makes without asking a file system. A proxy that was taken over may hold files of a
// file system of its own, where every look and even close() waits for an answer: such are not copied.
Kind kind_of(pid_t pid, int number) {
  std::array<char, 64> text;
  const ssize_t size = readlink(proc(pid, fmt::format("fd/{}", number)).c_str(), text.data(), text.size());
  const std::string_view name(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  return name.starts_with("socket:[") ? Kind::kSocket : name.starts_with("/memfd:") ? Kind::kMemory : Kind::kOther;
}

// What it holds of ours. Every worker has a copy of each listener of its own: the first is taken.
void take_descriptors(Survivor& survivor, const workload::TagOf& tag_of) {
  for (const int number : descriptors_of(survivor.pid)) {
    const Kind kind = kind_of(survivor.pid, number);
    if (kind == Kind::kOther || (kind == Kind::kMemory && survivor.arena)) {
      continue;
    }
    Fd fd(static_cast<int>(syscall(SYS_pidfd_getfd, survivor.pidfd.get(), number, 0)));
    if (!fd && errno == EPERM) {
      log::warn("process {} cannot be adopted: {}", survivor.pid, Error::sys("pidfd_getfd").message());
      return;
    }
    if (!fd) {
      continue;
    }
    if (kind == Kind::kMemory) {
      if (const auto workers = workers_of_arena(fd)) {
        survivor.workers = *workers;
        survivor.arena = std::move(fd);
      }
    } else {
      auto listener =
          workload::recognize_listener(std::move(fd), survivor.netns == 0 ? FL_MODE_NODE : FL_MODE_SIDECAR, tag_of);
      const bool is_its_business = listener && (survivor.netns == 0 || survivor.netns == listener->netns);
      if (is_its_business && std::ranges::count(survivor.listeners, listener->id, &Listener::id) == 0) {
        survivor.listeners.push_back(std::move(*listener));
      }
    }
  }
}

std::optional<Survivor> look_at(pid_t pid, const SurvivorSearch& search) {
  Survivor survivor;
  survivor.pid = pid;
  survivor.pidfd = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!survivor.pidfd || std::ranges::count(search.cgroup.processes(), pid) == 0) {
    return std::nullopt;
  }
  survivor.netns_fd = Fd(open(proc(pid, "ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  const auto file = workload::netns_file_at(proc(pid, "ns/net"));
  if (!survivor.netns_fd || !file) {
    return std::nullopt;
  }
  if (*file == search.door.own()) {
    survivor.netns_fd.reset();
  } else {
    const auto cookie = search.door.cookie_of(survivor.netns_fd.get());
    if (!cookie) {
      return std::nullopt;
    }
    survivor.netns = *cookie;
  }
  survivor.started = start_time_of(pid);
  take_descriptors(survivor, search.tag_of);
  survivor.is_current =
      same_file(proc(pid, "exe"), search.executable) && runs_as(pid, search.uid) && survivor.workers != 0;
  // Only now is it certain that all of this was about one process: the pid is its own as long as it lives.
  if (is_exited(survivor.pidfd) || (survivor.listeners.empty() && !survivor.arena)) {
    return std::nullopt;
  }
  return survivor;
}

}  // namespace

std::vector<Survivor> find_survivors(const SurvivorSearch& search) {
  std::vector<Survivor> survivors;
  for (const pid_t pid : search.cgroup.processes()) {
    if (pid == getpid()) {
      continue;
    }
    if (auto survivor = look_at(pid, search)) {
      log::debug("process {} is a proxy of the agent before: {} listeners, {} workers{}", pid,
                 survivor->listeners.size(), survivor->workers,
                 survivor->is_current ? "" : ", of another program or user");
      survivors.push_back(std::move(*survivor));
    }
  }
  std::ranges::sort(survivors, std::ranges::greater(), &Survivor::started);
  return survivors;
}

}  // namespace fairlead::agent_broker
