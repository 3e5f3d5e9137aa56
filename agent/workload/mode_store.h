// What `fairlead mode` has set, kept in RUN_DIR/modes.json over restarts. Main thread only.
#pragma once

#include "agent/compile/mode.h"
#include "userspace-proxy/base/error.h"

#include <optional>
#include <string>
#include <string_view>

namespace fairlead::workload {

class ModeStore {
 public:
  // An absent file is an empty store. A damaged one is an error: guessing would move pods to another mode.
  static Result<ModeStore> open(std::string path);

  [[nodiscard]] const compile::ModeOverrides& overrides() const { return overrides_; }
  // The override of a target itself, not what it inherits.
  [[nodiscard]] std::optional<config::Mode> get(const std::string& target) const;
  // Sets it, or takes it away (nullopt), and writes the file. On an error nothing has changed.
  Status set(const std::string& target, std::optional<config::Mode> mode);

 private:
  explicit ModeStore(std::string path) : path_(std::move(path)) {}
  std::string path_;
  compile::ModeOverrides overrides_;
};

// "pod/NS/NAME", "ns/NS" or "default", with names that Kubernetes would take (RFC 1123 labels and subdomains).
bool is_mode_target(std::string_view text);

}  // namespace fairlead::workload
