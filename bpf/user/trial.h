// The programs of the self-tests (bpf/progs/trial.bpf.c), in force as long as the object lives. Any one thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <cstdint>

namespace fairlead::bpf {

class Trial {
 public:
  // For TCP sockets of the namespace with this cookie that are made by a process of the cgroup directory.
  static Result<Trial> start(uint64_t netns_cookie, int cgroup_fd);

  // From now on what is sent from the socket with the first cookie goes to that with the second.
  Status redirect(uint64_t from, uint64_t to);
  // Over TCP again.
  Status stop(uint64_t from);

 private:
  Fd link_, members_, peers_;
};

}  // namespace fairlead::bpf
