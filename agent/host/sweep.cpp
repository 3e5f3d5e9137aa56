#include "agent/host/sweep.h"

#include "agent/host/cgroup.h"
#include "agent/host/hash.h"
#include "agent/kernel/datapath.h"
#include "userspace-proxy/base/log.h"

#include <dirent.h>
#include <unistd.h>

#include <map>
#include <memory>

namespace fairlead::host {
namespace {

// Names of our form in a directory, without `prefix`.
std::vector<std::string> hashes_in(const std::string& path, std::string_view prefix) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  while (const dirent* item = directory ? readdir(directory.get()) : nullptr) {
    const std::string_view name = item->d_name;
    if (name.starts_with(prefix) && is_short_hash(name.substr(prefix.size()))) {
      found.emplace_back(name.substr(prefix.size()));
    }
  }
  return found;
}

}  // namespace

std::vector<Leftover> find_leftovers(const SweepPlaces& places, SweepScope scope) {
  std::map<std::string, Leftover> found;
  const auto at = [&](const std::string& hash) {
    return Leftover{hash, places.pin_root + "/" + hash, places.cgroup_root + "/" + std::string(kCgroupPrefix) + hash};
  };
  for (const std::string& hash : hashes_in(places.pin_root, "")) {
    found.emplace(hash, at(hash));
  }
  for (const std::string& hash : hashes_in(places.cgroup_root, kCgroupPrefix)) {
    found.emplace(hash, at(hash));
  }
  for (const IndexEntry& entry : read_index(places.index)) {
    const bool may_return = scope == SweepScope::kAbandoned && access(entry.run_dir.c_str(), F_OK) == 0;
    if (entry.live || may_return) {
      found.erase(entry.hash);
      continue;
    }
    Leftover& leftover = found.emplace(entry.hash, at(entry.hash)).first->second;
    if (!entry.pin_dir.empty()) {
      leftover.pin_dir = entry.pin_dir;
    }
  }
  std::vector<Leftover> list;
  list.reserve(found.size());
  for (auto& [hash, leftover] : found) {
    list.push_back(std::move(leftover));
  }
  return list;
}

Status remove_leftover(const Leftover& leftover, const SweepPlaces& places) {
  const std::string entry = places.index + "/" + leftover.hash;
  const Fd lock = lock_entry(leftover.hash, places.index);
  if (!lock && access(entry.c_str(), F_OK) == 0) {
    return {};  // an agent lives there by now
  }
  Status result;
  const Cgroup cgroup(leftover.cgroup);
  if (cgroup.exists()) {
    cgroup.kill_all();
    result = cgroup.remove();
  }
  if (access(leftover.pin_dir.c_str(), F_OK) == 0) {
    if (Status unpinned = kernel::remove_pins(leftover.pin_dir); !unpinned) {
      result = unpinned;
    }
  }
  if (result) {
    unlink(entry.c_str());
  }
  return result;
}

int sweep(const SweepPlaces& places, SweepScope scope) {
  int removed = 0;
  for (const Leftover& leftover : find_leftovers(places, scope)) {
    if (const Status status = remove_leftover(leftover, places); !status) {
      log::warn("left by an agent that is gone, and not removable: {}", status.error().message());
      continue;
    }
    log::info("removed what an agent that is gone had left: {}, {}", leftover.pin_dir, leftover.cgroup);
    ++removed;
  }
  return removed;
}

}  // namespace fairlead::host
