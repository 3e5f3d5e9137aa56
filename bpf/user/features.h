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

// Whether a connect hook may turn a subflow into the MPTCP socket it belongs to: Linux 5.19 with MPTCP and BTF.
// libbpf's own probe calls the helper without an argument, which kernels without MPTCP refuse in the same words.
bool has_mptcp();

}  // namespace fairlead::bpf
