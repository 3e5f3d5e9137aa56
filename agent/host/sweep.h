// Taking away what agents that are no more have left on this host: pinned programs and maps, cgroups with their
// processes, index entries. Called at every agent's start and by `fairlead uninstall`. Main thread only.
#pragma once

#include "agent/host/run_dir.h"
#include "userspace-proxy/base/error.h"

#include <string>
#include <vector>

namespace fairlead::host {

// Which of the dead may go.
enum class SweepScope {
  kAbandoned,  // the run-dir is gone too: nobody can come back for it (start of an agent)
  kUnowned,    // everything without a living agent (uninstall --all)
};

// What one dead agent has left.
struct Leftover {
  std::string hash;
  std::string pin_dir;
  std::string cgroup;
};

struct SweepPlaces {
  std::string index = kIndexDirectory;
  std::string pin_root = kPinRoot;
  std::string cgroup_root;  // the cgroup2 mount
};

// Lists what may go. A pin directory or cgroup that no index entry speaks of belongs to nobody (its agent writes the
// entry first), provided that its name is one of our hashes.
std::vector<Leftover> find_leftovers(const SweepPlaces& places, SweepScope scope);

// Removes one. Does nothing if an agent has taken the run-dir meanwhile. The first error, after trying everything.
Status remove_leftover(const Leftover& leftover, const SweepPlaces& places);

// Both, for all; logs each. The number removed.
int sweep(const SweepPlaces& places, SweepScope scope);

}  // namespace fairlead::host
