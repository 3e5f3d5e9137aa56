#include "agent/source/watch.h"

#include "agent/model/files.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

namespace fairlead::source {

namespace {

// What a ConfigMap volume swaps: its files are links through "..data".
constexpr std::string_view kConfigMapData = "..data";
constexpr uint32_t kEntryMask = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
constexpr uint32_t kSelfMask = IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;

std::pair<std::string, std::string> split_path(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {".", path};
  }
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

Watch::Watch(std::string path) : path_(std::move(path)), fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

void Watch::refresh() {
  if (!fd_) {
    return;
  }
  std::set<int> current;
  add(path_, Place::kTop, current);
  if (const auto folders = model::list_manifest_folders(path_)) {
    for (const std::string& folder : *folders) {
      add(fmt::format("{}/{}", path_, folder), Place::kSubFolder, current);
    }
  }
  add(split_path(path_).first, Place::kParent, current);
  std::erase_if(places_, [&](const auto& watched) {
    if (current.contains(watched.first)) {
      return false;
    }
    inotify_rm_watch(fd_.get(), watched.first);  // fails if its inode is gone, and the watch with it
    return true;
  });
}

// A folder that is not there has no watch; its parent's tells when it comes.
void Watch::add(const std::string& path, Place place, std::set<int>& current) {
  const uint32_t mask = place == Place::kParent ? kEntryMask : kEntryMask | kSelfMask | IN_CLOSE_WRITE;
  const int watch = inotify_add_watch(fd_.get(), path.c_str(), mask | IN_MASK_ADD | IN_ONLYDIR);
  if (watch >= 0 && current.insert(watch).second) {
    places_[watch] = place;
  }
}

bool Watch::drain() {
  bool relevant = false;
  // Written by read() before it is looked at.
  alignas(inotify_event) std::array<char, size_t{16} << 10> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  while (fd_) {
    const ssize_t got = read(fd_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      break;  // EAGAIN: all taken
    }
    for (ssize_t at = 0; at < got;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      const std::string_view text(name, event.len == 0 ? 0 : strnlen(name, event.len));
      relevant = is_relevant(event.wd, event.mask, text) || relevant;
      if ((event.mask & IN_IGNORED) != 0) {
        places_.erase(event.wd);
      }
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  return relevant;
}

bool Watch::is_relevant(int watch, uint32_t mask, std::string_view name) const {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    return true;
  }
  const auto place = places_.find(watch);
  if (place == places_.end()) {
    return false;  // of a folder that is no longer ours
  }
  if (place->second == Place::kParent) {
    return name == split_path(path_).second;
  }
  if (name.empty() || name == kConfigMapData || model::is_manifest(name)) {
    return true;
  }
  return place->second == Place::kTop && (mask & kEntryMask) != 0 && model::is_manifest_folder(name);
}

}  // namespace fairlead::source
