// The kernel's half of acceleration: loads and attaches its programs when the first workload wants it, and turns it on
// and off. Part of Datapath; main thread of the agent.
#pragma once

#include "agent/kernel/self_test.h"
#include "bpf/user/maps.h"
#include "bpf/user/pins.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::kernel {

class Acceleration {
 public:
  struct Cgroups {
    std::string hook, own;  // as DatapathOptions has them
  };
  Acceleration(bpf::Maps& maps, const bpf::PinDir& pins, Cgroups cgroups)
      : maps_(maps), pins_(pins), cgroups_(std::move(cgroups)) {}

  // REQUIRES: this process is in its own cgroup.
  [[nodiscard]] Result<std::vector<SelfTest>> test() const { return run_self_tests(cgroups_.own); }

  // Idempotent; adopts what an earlier agent has attached. REQUIRES: sock_ops is attached (`accelerate` runs after it).
  Status attach();
  [[nodiscard]] bool attached() const { return attached_; }

  // One word, read at each send of a member: redirected directions go on over TCP, in order, and come back.
  Status turn(bool on);

  // How the sockets of a pod have fared since it came.
  [[nodiscard]] fl_outcomes outcomes(uint64_t netns_cookie) const;
  // The pod is gone: what was learned about its sockets goes.
  Status forget(uint64_t netns_cookie);

 private:
  Status forget_legs();

  bpf::Maps& maps_;
  const bpf::PinDir& pins_;
  Cgroups cgroups_;
  bool attached_ = false;
};

}  // namespace fairlead::kernel
