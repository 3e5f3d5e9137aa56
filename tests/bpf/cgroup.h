// A cgroup2 directory for one test: removed at the end, with this process moved out of it. Main thread only.
#pragma once

#include <string>

namespace fairlead::test {

class Cgroup {
 public:
  // NAME below the cgroup2 mount, wherever that is on this host; "a/b" needs "a".
  explicit Cgroup(const std::string& name);
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // Moves this process in: sockets that it makes from now on belong here.
  void enter() const;

  // The cgroup2 mount point.
  static std::string mount();
  // Moves this process to the cgroup that it started in.
  static void leave();

 private:
  std::string path_;
};

}  // namespace fairlead::test
