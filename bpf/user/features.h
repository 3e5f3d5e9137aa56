// What this kernel offers of what the programs need. Read-only: loads tiny probe programs and drops them. Any thread.
#pragma once

#include <string>
#include <vector>

namespace fairlead::bpf {

struct Probe {
  std::string name;
  bool present = false;
  std::string meaning;  // what breaks without it
};

std::vector<Probe> probe_kernel();

}  // namespace fairlead::bpf
