// Who is accelerated: the wishes of the configuration, the switch that `fairlead accelerate` turns, and what this
// kernel has shown. The kernel's half is loaded when the first pod wishes it. Main thread only.
#pragma once

#include "agent/kernel/acceleration.h"
#include "agent/workload/registry.h"
#include "userspace-proxy/base/error.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

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

  // The pod is gone.
  void forget(const workload::LocalPod& pod);

  // For `fairlead status`: this node, and what one pod gets and why not more.
  [[nodiscard]] nlohmann::json report() const;
  [[nodiscard]] nlohmann::json describe(const workload::LocalPod& pod) const;

 private:
  Accelerator(kernel::Acceleration& kernel, std::string path) : kernel_(kernel), path_(std::move(path)) {}
  void prepare();
  [[nodiscard]] Status make_ready();
  [[nodiscard]] std::string why_not(const workload::LocalPod& pod) const;
  [[nodiscard]] std::string advice(const workload::LocalPod& pod) const;

  kernel::Acceleration& kernel_;
  std::string path_;
  bool on_ = true;
  bool prepared_ = false;
  std::vector<kernel::SelfTest> tests_;  // none before the first pod has asked
  std::string problem_;                  // why this node cannot; empty: it can, or nobody has asked
};

}  // namespace fairlead::agent
