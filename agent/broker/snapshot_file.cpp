#include "agent/broker/snapshot_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fairlead::agent_broker {

Result<SnapshotFile> make_snapshot_file(uint64_t generation, std::string_view bytes) {
  Fd fd(memfd_create("fairlead-snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) {
    return fail_sys("memfd_create");
  }
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t count = write(fd.get(), rest.data(), rest.size());
    if (count <= 0) {
      return fail_sys("writing a snapshot");
    }
    rest.remove_prefix(static_cast<size_t>(count));
  }
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return fail_sys("sealing a snapshot");
  }
  return SnapshotFile{generation, bytes.size(), std::make_shared<const Fd>(std::move(fd))};
}

}  // namespace fairlead::agent_broker
