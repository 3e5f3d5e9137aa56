#include "agent/model/files.h"

#include "agent/model/yaml.h"
#include "userspace-proxy/base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>

namespace fairlead::model {

namespace {

bool is_hidden_or_backup(std::string_view name) {
  return name.starts_with('.') || name.starts_with('#') || name.ends_with('~');
}

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

enum class Type : uint8_t { kFile, kFolder, kOther };

// What an entry is, or leads to. Most file systems say it in the entry: a folder of 10,000 files is listed without a
// stat for each.
Type type_of(int folder, const dirent& entry) {
  if (entry.d_type == DT_REG || entry.d_type == DT_DIR) {
    return entry.d_type == DT_REG ? Type::kFile : Type::kFolder;
  }
  struct stat status{};
  if ((entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) || fstatat(folder, entry.d_name, &status, 0) != 0) {
    return Type::kOther;  // a device, a pipe, gone meanwhile, or a link to nowhere
  }
  return S_ISREG(status.st_mode) ? Type::kFile : S_ISDIR(status.st_mode) ? Type::kFolder : Type::kOther;
}

// The entries of one folder that are files (or lead to one), and those that are folders.
struct Entries {
  std::vector<std::string> files;
  std::vector<std::string> folders;
};

Result<Entries> read_folder(const std::string& path) {
  const std::unique_ptr<DIR, CloseFolder> folder(opendir(path.c_str()));
  if (!folder) {
    return fail_sys(path);
  }
  Entries entries;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(folder.get());
    if (entry == nullptr) {
      break;
    }
    const std::string name = entry->d_name;
    const bool file = is_manifest(name);
    const bool subfolder = is_manifest_folder(name);
    if (!file && !subfolder) {
      continue;
    }
    const Type type = type_of(dirfd(folder.get()), *entry);
    if (type == Type::kFolder && subfolder) {
      entries.folders.push_back(name);
    } else if (type == Type::kFile && file) {
      entries.files.push_back(name);
    }
  }
  if (errno != 0) {
    return fail_sys(path);
  }
  return entries;
}

}  // namespace

bool is_manifest(std::string_view file_name) {
  return !is_hidden_or_backup(file_name) &&
         (file_name.ends_with(".yaml") || file_name.ends_with(".yml") || file_name.ends_with(".json"));
}

bool is_manifest_folder(std::string_view folder_name) {
  return !is_hidden_or_backup(folder_name) && folder_name != "lost+found";
}

Result<std::vector<std::string>> list_manifests(const std::string& folder) {
  auto top = read_folder(folder);
  if (!top) {
    return std::unexpected(top.error());
  }
  std::vector<std::string> found = std::move(top->files);
  for (const std::string& name : top->folders) {
    auto below = read_folder(fmt::format("{}/{}", folder, name));
    if (!below && below.error().errno_value() != ENOENT) {
      return std::unexpected(below.error());
    }
    for (const std::string& file : below ? below->files : std::vector<std::string>()) {
      found.push_back(fmt::format("{}/{}", name, file));
    }
  }
  std::ranges::sort(found);
  return found;
}

Result<std::vector<std::string>> list_manifest_folders(const std::string& folder) {
  auto entries = read_folder(folder);
  if (!entries) {
    return std::unexpected(entries.error());
  }
  return std::move(entries->folders);
}

Result<std::string> read_manifest(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not block the agent
  if (!file) {
    return fail_sys(path);
  }
  struct stat status{};
  if (fstat(file.get(), &status) != 0) {
    return fail_sys(path);
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(path + ": is not a file");
  }
  static constexpr size_t kChunk = size_t{64} << 10;
  std::string text;
  size_t length = 0;
  while (length <= kMaxYamlBytes) {
    text.resize(length + kChunk);
    const ssize_t got = read(file.get(), text.data() + length, kChunk);
    if (got < 0) {
      return fail_sys(path);
    }
    if (got == 0) {
      break;
    }
    length += static_cast<size_t>(got);
  }
  text.resize(length);
  return text;
}

}  // namespace fairlead::model
