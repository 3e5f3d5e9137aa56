#include "agent/host/run_dir.h"

#include "agent/host/file.h"
#include "agent/host/hash.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>

namespace fairlead::host {
namespace {

// Opens and locks; invalid with errno EWOULDBLOCK if somebody else holds it. Whoever removes such a file holds its
// lock, so after locking it must still be the one that the name leads to.
Fd open_locked(const std::string& path, int flags) {
  while (true) {
    Fd fd(open(path.c_str(), flags | O_RDWR | O_CLOEXEC, 0644));
    struct stat ours, named;
    if (!fd || flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      return Fd();
    }
    if (fstat(fd.get(), &ours) == 0 && stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino) {
      return fd;
    }
  }
}

Status write_through(const Fd& fd, std::string_view text) {
  if (ftruncate(fd.get(), 0) != 0 ||
      pwrite(fd.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return fail_sys("write");
  }
  return {};
}

std::string holder_of(const std::string& lock_path) {
  const auto text = read_file(lock_path);
  return text && !text->empty() ? fmt::format(" (pid {})", text->substr(0, text->find('\n'))) : "";
}

}  // namespace

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const auto resolved = std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  std::string text = error ? path : resolved.string();
  while (text.size() > 1 && text.ends_with('/')) {
    text.pop_back();
  }
  return text;
}

Result<RunDir> RunDir::claim(const std::string& path, std::string pin_dir, const std::string& index) {
  std::error_code error;
  for (const std::string& directory : {path, index}) {
    std::filesystem::create_directories(directory, error);
    if (error) {
      return fail(fmt::format("{}: {}", directory, error.message()));
    }
  }
  RunDir claimed;
  claimed.path_ = absolute_path(path);
  claimed.hash_ = short_hash(claimed.path_);
  claimed.pin_dir_ = pin_dir.empty() ? fmt::format("{}/{}", kPinRoot, claimed.hash_) : std::move(pin_dir);
  claimed.index_path_ = index + "/" + claimed.hash_;

  const std::string lock_path = claimed.path_ + "/agent.lock";
  claimed.lock_ = open_locked(lock_path, O_CREAT);
  // A sweep elsewhere holds an entry's lock for a moment, to see whether it is free.
  for (int attempt = 0; claimed.lock_ && !claimed.index_lock_ && attempt < 50; ++attempt) {
    claimed.index_lock_ = open_locked(claimed.index_path_, O_CREAT);
    if (!claimed.index_lock_ && errno == EWOULDBLOCK) {
      usleep(10'000);
      errno = EWOULDBLOCK;
    }
  }
  if (!claimed.index_lock_) {
    return errno == EWOULDBLOCK ? fail(fmt::format("{}: another fairlead-agent{} runs with this run-dir", claimed.path_,
                                                   holder_of(lock_path)))
                                : std::unexpected(Error::sys(claimed.lock_ ? claimed.index_path_ : lock_path));
  }
  const nlohmann::json entry = {{"run_dir", claimed.path_}, {"pin_dir", claimed.pin_dir_}, {"pid", getpid()}};
  if (auto written = write_through(claimed.lock_, fmt::format("{}\n", getpid())); !written) {
    return fail(written.error(), lock_path);
  }
  if (auto written = write_through(claimed.index_lock_, entry.dump() + "\n"); !written) {
    return fail(written.error(), claimed.index_path_);
  }
  return claimed;
}

void RunDir::forget() {
  unlink(socket_path().c_str());
  std::error_code ignored;
  std::filesystem::remove_all(broker_directory(), ignored);
  unlink((path_ + "/agent.lock").c_str());
  unlink(index_path_.c_str());
}

Fd lock_entry(const std::string& hash, const std::string& index) { return open_locked(index + "/" + hash, 0); }

std::vector<IndexEntry> read_index(const std::string& index) {
  std::vector<IndexEntry> entries;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(index.c_str()), closedir);
  while (const dirent* item = directory ? readdir(directory.get()) : nullptr) {
    if (!is_short_hash(item->d_name)) {
      continue;
    }
    IndexEntry entry;
    entry.hash = item->d_name;
    entry.live = !lock_entry(entry.hash, index).valid() && errno == EWOULDBLOCK;
    const auto text = read_file(index + "/" + entry.hash);
    const auto json = nlohmann::json::parse(text.value_or(""), nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) {
      entry.run_dir = json.value("run_dir", "");
      entry.pin_dir = json.value("pin_dir", "");
      entry.pid = json.value("pid", 0);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace fairlead::host
