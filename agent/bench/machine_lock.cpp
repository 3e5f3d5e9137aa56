#include "agent/bench/machine_lock.h"

#include "agent/host/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace fairlead::bench {
namespace {

constexpr const char* kLock = "/run/fairlead-bench.lock";

}  // namespace

// The file goes with its owner: who gets the lock of a file that is no longer there tries again.
Result<MachineLock> MachineLock::take() {
  while (true) {
    Fd file(open(kLock, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) {
      return fail_sys(kLock);
    }
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      const auto owner = host::read_file(kLock);
      return fail(fmt::format("another bench runs on this machine (pid {}); two would measure each other",
                              owner ? *owner : std::string("unknown")));
    }
    struct stat held{}, named{};
    if (fstat(file.get(), &held) == 0 && stat(kLock, &named) == 0 && held.st_ino == named.st_ino) {
      const std::string pid = std::to_string(getpid());
      if (ftruncate(file.get(), 0) != 0 || pwrite(file.get(), pid.data(), pid.size(), 0) < 0) {
        return fail_sys(kLock);
      }
      return MachineLock(std::move(file));
    }
  }
}

MachineLock::~MachineLock() {
  if (file_) {
    unlink(kLock);
  }
}

}  // namespace fairlead::bench
