#include "agent/accelerator.h"

#include "agent/host/file.h"
#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <utility>

namespace fairlead::agent {

Result<Accelerator> Accelerator::open(kernel::Acceleration& kernel, std::string path) {
  Accelerator accelerator(kernel, std::move(path));
  if (access(accelerator.path_.c_str(), F_OK) != 0) {
    return accelerator;
  }
  const auto text = host::read_file(accelerator.path_);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.value("on", nlohmann::json()).is_boolean()) {
    return fail(fmt::format("{}: not {{\"on\": true}} or {{\"on\": false}}; correct or remove it", accelerator.path_));
  }
  accelerator.on_ = json["on"];
  return accelerator;
}

void Accelerator::prepare() {
  if (std::exchange(prepared_, true)) {
    return;
  }
  Status ready = kernel_.attach();
  if (ready) {
    ready = kernel_.turn(on_);
  }
  if (!ready) {
    problem_ = ready.error().message();
    log::warn("no acceleration on this node: {}", problem_);
  }
}

bool Accelerator::admits(const workload::LocalPod& pod) {
  if (pod.acceleration.wish == compile::Acceleration::kFalse) {
    return false;
  }
  prepare();
  return problem_.empty() && pod.acceleration.wish == compile::Acceleration::kTrue;
}

Status Accelerator::turn(bool on) {
  const nlohmann::json json = {{"on", on}};
  if (Status written = host::replace_file(path_, json.dump() + "\n"); !written) {
    return written;
  }
  on_ = on;
  return prepared_ && problem_.empty() ? kernel_.turn(on) : Status();
}

nlohmann::json Accelerator::report() const {
  return {{"switch", on_ ? "on" : "off"},
          {"attached", kernel_.attached()},
          {"problem", problem_.empty() ? nlohmann::json(nullptr) : nlohmann::json(problem_)}};
}

}  // namespace fairlead::agent
