// One bench at a time on a machine: two would measure each other. Main thread only.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <utility>

namespace fairlead::bench {

class MachineLock {
 public:
  // An error that names the other one's pid.
  static Result<MachineLock> take();
  MachineLock(MachineLock&& other) noexcept = default;
  MachineLock& operator=(MachineLock&&) = delete;
  MachineLock(const MachineLock&) = delete;
  MachineLock& operator=(const MachineLock&) = delete;
  ~MachineLock();

  [[nodiscard]] bool is_held() const { return file_.valid(); }  // not of one that was moved away

 private:
  explicit MachineLock(Fd file) : file_(std::move(file)) {}

  Fd file_;
};

}  // namespace fairlead::bench
