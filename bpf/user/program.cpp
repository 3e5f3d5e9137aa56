#include "bpf/user/program.h"

#include <bpf/bpf.h>

#include <algorithm>

namespace fairlead::bpf {

bool is_sock_ops(const Program& program) { return program.attach_type == BPF_CGROUP_SOCK_OPS; }

Result<ProgramFacts> facts_of(int program_fd) {
  bpf_prog_info kernel{};
  __u32 size = sizeof(kernel);
  if (bpf_obj_get_info_by_fd(program_fd, &kernel, &size) != 0) {
    return fail_sys("BPF program facts");
  }
  ProgramFacts facts;
  std::copy_n(kernel.tag, facts.tag.size(), facts.tag.begin());
  facts.verified_instructions = kernel.verified_insns;
  return facts;
}

Result<ProgramFacts> facts_of_id(uint32_t program_id) {
  const Fd fd(bpf_prog_get_fd_by_id(program_id));
  if (!fd) {
    return fail_sys("BPF program by id");
  }
  return facts_of(fd.get());
}

}  // namespace fairlead::bpf
