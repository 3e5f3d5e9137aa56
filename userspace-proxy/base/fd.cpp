#include "userspace-proxy/base/fd.h"

#include <unistd.h>

namespace fairlead {

void Fd::reset() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
  }
}

}  // namespace fairlead
