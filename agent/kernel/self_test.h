// What this kernel does with redirected bytes, found by trying it on sockets of a namespace made for that and gone
// afterwards (some 100 ms). Decision 0016 says which hazard each stands for. Any thread; makes one of its own.
#pragma once

#include "userspace-proxy/base/error.h"

#include <string>
#include <vector>

namespace fairlead::kernel {

struct SelfTest {
  enum class Need { kRequired, kAdvice };

  std::string name;
  bool passed = false;
  Need need = Need::kRequired;
  std::string meaning;  // what follows where it does not pass
};

// REQUIRES: this process is in `cgroup`, a cgroup2 directory. An Error: they could not be run.
Result<std::vector<SelfTest>> run_self_tests(const std::string& cgroup);

}  // namespace fairlead::kernel
