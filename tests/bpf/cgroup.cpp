#include "tests/bpf/cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace fairlead::test {
namespace {

void move_to(const std::string& directory) {
  std::ofstream procs(directory + "/cgroup.procs");
  procs << getpid() << std::flush;
  if (!procs) {
    std::perror(directory.c_str());
    std::abort();
  }
}

// This process's cgroup when first asked, as a path below the mount.
const std::string& origin() {
  static const std::string path = [] {
    std::ifstream cgroups("/proc/self/cgroup");
    for (std::string line; std::getline(cgroups, line);) {
      if (line.starts_with("0::")) {
        return line.substr(3);
      }
    }
    return std::string("/");
  }();
  return path;
}

}  // namespace

std::string Cgroup::mount() {
  std::ifstream mounts("/proc/mounts");
  std::string device, path, type, rest;
  while (mounts >> device >> path >> type && std::getline(mounts, rest)) {
    if (type == "cgroup2") {
      return path;
    }
  }
  std::fputs("no cgroup2 mount\n", stderr);
  std::abort();
}

Cgroup::Cgroup(const std::string& name) : path_(mount() + "/" + name) {
  origin();
  if (mkdir(path_.c_str(), 0755) != 0) {
    std::perror(path_.c_str());
    std::abort();
  }
}

Cgroup::~Cgroup() {
  leave();
  if (rmdir(path_.c_str()) != 0) {
    std::perror(path_.c_str());
  }
}

void Cgroup::enter() const { move_to(path_); }

void Cgroup::leave() { move_to(mount() + origin()); }

}  // namespace fairlead::test
