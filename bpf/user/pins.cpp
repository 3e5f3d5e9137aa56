#include "bpf/user/pins.h"

#include "bpf/user/link.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

namespace fairlead::bpf {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBpffs = "/sys/fs/bpf";

bool on_bpffs(const std::string& path) {
  struct statfs facts{};
  return statfs(path.c_str(), &facts) == 0 && facts.f_type == BPF_FS_MAGIC;
}

Status make_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return fail_sys(path, error.value());
  }
  return {};
}

// Paths of what a directory holds; none if it is absent.
std::vector<std::string> entries_in(const std::string& path) {
  std::vector<std::string> entries;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    entries.push_back(entry->path());
  }
  return entries;
}

Status remove_directory(const std::string& path) {
  if (rmdir(path.c_str()) != 0 && errno != ENOENT) {
    return fail_sys(path);
  }
  return {};
}

Status remove_links_in(const std::string& path) {
  for (const std::string& entry : entries_in(path)) {
    if (auto gone = detach(entry); !gone) {
      return gone;
    }
  }
  return remove_directory(path);
}

}  // namespace

Result<PinDir> PinDir::open(const std::string& path) {
  if (path.starts_with(kBpffs) && !on_bpffs(kBpffs) && mount("bpf", kBpffs, "bpf", 0, "mode=0700") != 0) {
    return fail_sys("mounting bpffs on /sys/fs/bpf");
  }
  for (const char* part : {"", "/links", "/steer"}) {
    if (auto made = make_directory(path + part); !made) {
      return std::unexpected(made.error());
    }
  }
  if (!on_bpffs(path)) {
    return fail(path + " is not on a bpffs");
  }
  return PinDir(path);
}

std::vector<uint64_t> PinDir::steered() const {
  std::vector<uint64_t> cookies;
  for (const std::string& entry : entries_in(path_ + "/steer")) {
    const std::string_view name = std::string_view(entry).substr(entry.rfind('/') + 1);
    uint64_t cookie = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), cookie);
    if (error == std::errc() && end == name.data() + name.size()) {
      cookies.push_back(cookie);
    }
  }
  return cookies;
}

Status remove_pins_in(const std::string& path) {
  for (const std::string& entry : entries_in(path)) {
    if (unlink(entry.c_str()) != 0 && errno != ENOENT) {
      return fail_sys(entry);
    }
  }
  return remove_directory(path);
}

Status remove_pin_dir(const std::string& path) {
  for (const char* links : {"/steer", "/links"}) {
    if (auto gone = remove_links_in(path + links); !gone) {
      return gone;
    }
  }
  for (const char* maps : {"/maps_new", "/maps"}) {
    if (auto gone = remove_pins_in(path + maps); !gone) {
      return gone;
    }
  }
  return remove_directory(path);
}

}  // namespace fairlead::bpf
