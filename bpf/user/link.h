// Links: attached programs, kept by a pin so that they outlive the process. Descriptors are held only while a function
// here runs; the pin owns. Main thread of the agent.
#pragma once

#include "bpf/user/program.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <cstdint>
#include <optional>
#include <string>

namespace fairlead::bpf {

// What a pinned link says of itself.
struct LinkFacts {
  uint32_t program_id = 0;
  uint64_t target = 0;  // cgroup id, or inode of the netns; 0: its target is gone
};

// The link pinned at `path`; an empty Fd if there is none.
Result<Fd> open_link(const std::string& path);
Result<LinkFacts> facts_of_link(int link_fd);

// Attaches to a cgroup directory or a netns (by `attach_type`) and pins. Other programs there stay (BPF_F_ALLOW_MULTI).
Status attach(const Program& program, int target_fd, const std::string& path);
// Puts another program in place, without a moment between.
Status replace_program(int link_fd, const Program& program);
// Detaches at once, whoever else holds a descriptor, and unpins. No link there: success.
Status detach(const std::string& path);

}  // namespace fairlead::bpf
