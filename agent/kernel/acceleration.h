// The kernel's half of acceleration: loads and attaches its programs when the first workload wants it, and turns it on
// and off. Part of Datapath; main thread of the agent.
#pragma once

#include "bpf/user/maps.h"
#include "bpf/user/pins.h"
#include "userspace-proxy/base/error.h"

#include <string>

namespace fairlead::kernel {

class Acceleration {
 public:
  Acceleration(bpf::Maps& maps, const bpf::PinDir& pins, std::string hook_cgroup)
      : maps_(maps), pins_(pins), hook_cgroup_(std::move(hook_cgroup)) {}

  // Idempotent; adopts what an earlier agent has attached. REQUIRES: sock_ops is attached (`accelerate` runs after it).
  Status attach();
  [[nodiscard]] bool attached() const { return attached_; }

  // One word, read at each send of a member: redirected directions go on over TCP, in order, and come back.
  Status turn(bool on);

 private:
  Status forget_legs();

  bpf::Maps& maps_;
  const bpf::PinDir& pins_;
  std::string hook_cgroup_;
  bool attached_ = false;
};

}  // namespace fairlead::kernel
