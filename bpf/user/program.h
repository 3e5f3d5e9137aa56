// A loaded BPF program, known by its descriptor. Value types, any thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <array>
#include <cstdint>
#include <string>

namespace fairlead::bpf {

struct Program {
  std::string name;          // as in bpf/progs; also the name of its pinned link
  uint32_t attach_type = 0;  // enum bpf_attach_type of linux/bpf.h
  Fd fd;
};

bool is_sock_ops(const Program& program);

// The kernel's digest of a program's instructions, without map descriptors: the same code has the same tag in every
// load.
using Tag = std::array<uint8_t, 8>;

struct ProgramFacts {
  Tag tag{};
  uint32_t verified_instructions = 0;  // what the verifier had to walk; 0 before Linux 5.16
};

Result<ProgramFacts> facts_of(int program_fd);
// By kernel id. REQUIRES: CAP_SYS_ADMIN.
Result<ProgramFacts> facts_of_id(uint32_t program_id);

}  // namespace fairlead::bpf
