// inotify on a directory of manifests, its sub-folders, and on the name of the directory itself, which may vanish, come
// back or be a symbolic link that is swapped. One thread.
#pragma once

#include "userspace-proxy/base/fd.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace fairlead::source {

class Watch {
 public:
  explicit Watch(std::string path);

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Watches what the path leads to now. Called before the directory is listed, so that nothing slips in between.
  void refresh();
  // Takes all events; true if one of them may concern a manifest.
  bool drain();

 private:
  enum class Place : uint8_t { kParent, kTop, kSubFolder };

  void add(const std::string& path, Place place, std::set<int>& current);
  [[nodiscard]] bool is_relevant(int watch, uint32_t mask, std::string_view name) const;

  std::string path_;
  Fd fd_;
  std::map<int, Place> places_;  // by watch descriptor
};

}  // namespace fairlead::source
