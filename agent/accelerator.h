// Who is accelerated: the wishes of the configuration, the switch that `fairlead accelerate` turns, and what this
// kernel has shown. The kernel's half is loaded when the first pod wishes it. Main thread only.
#pragma once

#include "agent/kernel/acceleration.h"
#include "agent/workload/registry.h"
#include "userspace-proxy/base/error.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace fairlead::agent {

class Accelerator {
 public:
  // `path`: where the switch is kept over restarts. An absent file is "on"; a damaged one an error: guessing might turn
  // on what somebody has turned off.
  static Result<Accelerator> open(kernel::Acceleration& kernel, std::string path);

  // Whether new connections of this pod may be redirected.
  [[nodiscard]] bool admits(const workload::LocalPod& pod);

  // For all of this node, at once and without cutting a connection.
  Status turn(bool on);

  [[nodiscard]] nlohmann::json report() const;

 private:
  Accelerator(kernel::Acceleration& kernel, std::string path) : kernel_(kernel), path_(std::move(path)) {}
  void prepare();

  kernel::Acceleration& kernel_;
  std::string path_;
  bool on_ = true;
  bool prepared_ = false;
  std::string problem_;  // why this node cannot; empty: it can, or nobody has asked
};

}  // namespace fairlead::agent
