// The directory on bpffs that holds what outlives an agent:
//
//   PIN_DIR/maps/m_NAME      all maps; the directory appears complete (built beside it, then renamed) or not at all
//   PIN_DIR/links/PROGRAM    links of the cgroup hooks; a missing one is attached again by the next agent
//   PIN_DIR/steer/COOKIE     sk_lookup link of one pod's netns
//
// bpffs allows no dots in names. Main thread of the agent; one agent at a time (the run-dir's lock).
#pragma once

#include "userspace-proxy/base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace fairlead::bpf {

class PinDir {
 public:
  // Makes the directory where it is missing, and mounts bpffs on /sys/fs/bpf if that has none.
  static Result<PinDir> open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string maps() const { return path_ + "/maps"; }
  [[nodiscard]] std::string link(std::string_view program) const { return path_ + "/links/" + std::string(program); }
  [[nodiscard]] std::string steer(uint64_t netns_cookie) const {
    return path_ + "/steer/" + std::to_string(netns_cookie);
  }
  [[nodiscard]] std::vector<uint64_t> steered() const;

 private:
  explicit PinDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Detaches every link below `path` (steer first, so that nobody is denied half-way) and removes all pins and the
// directory. Absent: success.
Status remove_pin_dir(const std::string& path);

// Removes a flat directory of pins that are no links. Absent: success.
Status remove_pins_in(const std::string& path);

}  // namespace fairlead::bpf
