#include "agent/ctl/commands.h"
#include "agent/host/cgroup.h"
#include "agent/host/hash.h"
#include "agent/host/sweep.h"

#include <fmt/format.h>

#include <filesystem>

namespace fairlead::ctl {
namespace {

// Of one run-dir: refuses while its agent runs.
int uninstall_one(const host::SweepPlaces& places, const std::string& run_dir) {
  const std::string path = host::absolute_path(run_dir);
  const std::string hash = host::short_hash(path);
  for (const host::IndexEntry& entry : host::read_index(places.index)) {
    if (entry.hash == hash && entry.live) {
      return refused(fmt::format("the agent of {} is running (pid {}); end it first", path, entry.pid));
    }
  }
  for (const host::Leftover& leftover : host::find_leftovers(places, host::SweepScope::kUnowned)) {
    if (leftover.hash != hash) {
      continue;
    }
    if (const Status removed = host::remove_leftover(leftover, places); !removed) {
      return refused(removed.error().message());
    }
    fmt::print("removed {}, {}\n", leftover.pin_dir, leftover.cgroup);
  }
  std::error_code ignored;
  for (const char* name : {"fairlead.sock", "agent.lock", "modes.json"}) {
    std::filesystem::remove(path + "/" + name, ignored);
  }
  std::filesystem::remove_all(path + "/broker", ignored);
  return 0;
}

}  // namespace

int uninstall(const Settings& settings, bool all) {
  const auto root = host::find_cgroup2();
  if (!root) {
    return refused(root.error().message());
  }
  const host::SweepPlaces places{.cgroup_root = *root};
  if (!all) {
    return uninstall_one(places, settings.run_dir);
  }
  int code = 0;
  for (const host::Leftover& leftover : host::find_leftovers(places, host::SweepScope::kUnowned)) {
    if (const Status removed = host::remove_leftover(leftover, places); !removed) {
      code = refused(removed.error().message());
    } else {
      fmt::print("removed {}, {}\n", leftover.pin_dir, leftover.cgroup);
    }
  }
  return code;
}

}  // namespace fairlead::ctl
