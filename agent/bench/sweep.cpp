// What a killed bench has left (bench/stage.h).
#include "agent/host/sweep.h"

#include "agent/bench/stage.h"
#include "agent/host/cgroup.h"
#include "agent/host/run_dir.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::bench {
namespace {

namespace fs = std::filesystem;
using NetnsFile = std::pair<dev_t, ino_t>;

// The pid in PREFIX PID REST, if the name is of that form and the pid is `owner`, or `owner` is 0.
std::optional<std::string_view> rest_of(std::string_view name, std::string_view prefix, pid_t owner) {
  if (!name.starts_with(prefix)) {
    return std::nullopt;
  }
  name.remove_prefix(prefix.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc() || pid <= 0 || (owner != 0 && pid != owner)) {
    return std::nullopt;
  }
  return name.substr(static_cast<size_t>(end - name.data()));
}

std::vector<std::string> entries(const char* directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

// A process in a namespace with our prefix was started by a bench.
void kill_inside(const std::set<NetnsFile>& namespaces) {
  for (const std::string& name : entries("/proc")) {
    pid_t pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    struct stat netns{};
    if (pid > 0 && pid != getpid() && stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &netns) == 0 &&
        namespaces.contains({netns.st_dev, netns.st_ino})) {
      kill(pid, SIGKILL);
    }
  }
}

// An agent of a bench that was killed: its run-dir lies in the bench's folder.
void end_agents(pid_t owner) {
  constexpr int kPatience = 100;  // times 50 ms: it ends its proxies and takes its programs away
  std::set<std::string> hashes;
  for (const host::IndexEntry& entry : host::read_index()) {
    if (rest_of(entry.run_dir, "/tmp/flbench-", owner) != "/run") {
      continue;
    }
    hashes.insert(entry.hash);
    if (!entry.live || entry.pid <= 0) {
      continue;
    }
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, entry.pid, 0)));
    const auto is_live = [&] {
      for (const host::IndexEntry& now : host::read_index()) {
        if (now.hash == entry.hash) {
          return now.live && now.pid == entry.pid;
        }
      }
      return false;
    };
    if (!pidfd || !is_live()) {
      continue;
    }
    syscall(SYS_pidfd_send_signal, pidfd.get(), SIGTERM, nullptr, 0);
    for (int i = 0; i < kPatience && is_live(); ++i) {
      usleep(50'000);
    }
    if (is_live()) {
      syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
      usleep(100'000);
    }
  }
  const auto root = host::find_cgroup2();
  if (hashes.empty() || !root) {
    return;
  }
  const host::SweepPlaces places{.cgroup_root = *root};
  for (const host::Leftover& leftover : host::find_leftovers(places, host::SweepScope::kUnowned)) {
    if (hashes.contains(leftover.hash)) {
      // What could not be removed is found again by the next sweep.
      [[maybe_unused]] const Status removed = host::remove_leftover(leftover, places);
    }
  }
}

// `ip`, and its complaints: nowhere. What it could not remove is found again by the next sweep.
void ip(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"ip"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  if (auto process = Process::exec(argv, {}, {})) {
    process->await();
  }
}

}  // namespace

void sweep_stage(pid_t owner) {
  std::vector<std::string> namespaces;
  std::set<NetnsFile> inodes;
  for (const std::string& name : entries("/run/netns")) {
    struct stat netns{};
    if (const auto rest = rest_of(name, "flbench-", owner); rest && rest->starts_with('-')) {
      namespaces.push_back(name);
      if (stat(("/run/netns/" + name).c_str(), &netns) == 0) {
        inodes.emplace(netns.st_dev, netns.st_ino);
      }
    }
  }
  end_agents(owner);
  if (!inodes.empty()) {
    kill_inside(inodes);
  }
  for (const std::string& name : entries("/sys/class/net")) {
    if (const auto rest = rest_of(name, "flb", owner); rest && (*rest == "br" || rest->starts_with('v'))) {
      ip({"link", "del", name});
    }
  }
  for (const std::string& name : namespaces) {
    ip({"netns", "del", name});
  }
  for (const std::string& name : entries("/tmp")) {
    if (rest_of(name, "flbench-", owner) == "") {
      std::error_code ignored;
      fs::remove_all("/tmp/" + name, ignored);
    }
  }
}

}  // namespace fairlead::bench
