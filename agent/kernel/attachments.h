// The attach plan: which program hangs where, kept by pins. Adopts links of an earlier agent: same code stays, other
// code is swapped in place, a link whose target is gone or another is made anew. Part of Datapath; main thread of the
// agent.
#pragma once

#include "bpf/user/link.h"
#include "bpf/user/maps.h"
#include "bpf/user/pins.h"
#include "bpf/user/program.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::kernel {

enum class Attached : uint8_t {
  kAdopted,   // it was there with this code
  kReplaced,  // it was there; its code was swapped
  kNew,       // it was not there: events until now went unseen
};

// Makes sure that `program` hangs on the directory or namespace behind `target_fd` and is pinned at `path`.
Result<Attached> ensure_attached(const bpf::Program& program, int target_fd, const std::string& path);

// The same for every program of a cgroup directory; links are pinned under the programs' names.
// The answer is that of the sock_ops program, on which tables of sockets depend; kAdopted where none is among them.
Result<Attached> attach_to_cgroup(const std::vector<bpf::Program>& programs, const std::string& cgroup,
                                  const bpf::PinDir& pins);

// sk_lookup programs, one per pod netns. An adopted one of the same code costs no load.
class SteerLinks {
 public:
  SteerLinks(const bpf::Maps& maps, const bpf::PinDir& pins) : maps_(maps), pins_(pins) {}

  Status add(uint64_t netns_cookie, int netns_fd);
  Status remove(uint64_t netns_cookie);

 private:
  Result<bool> is_current(uint64_t netns_cookie, int netns_fd);

  const bpf::Maps& maps_;
  const bpf::PinDir& pins_;
  std::optional<bpf::Tag> tag_;  // of the steer program of this build, once one was loaded
};

}  // namespace fairlead::kernel
