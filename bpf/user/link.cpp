#include "bpf/user/link.h"

#include <bpf/bpf.h>
#include <unistd.h>

namespace fairlead::bpf {

Result<Fd> open_link(const std::string& path) {
  Fd fd(bpf_obj_get(path.c_str()));
  if (!fd && errno != ENOENT) {
    return fail_sys(path);
  }
  return fd;
}

Result<LinkFacts> facts_of_link(int link_fd) {
  bpf_link_info kernel{};
  __u32 size = sizeof(kernel);
  if (bpf_obj_get_info_by_fd(link_fd, &kernel, &size) != 0) {
    return fail_sys("BPF link facts");
  }
  LinkFacts facts{.program_id = kernel.prog_id};
  if (kernel.type == BPF_LINK_TYPE_CGROUP) {
    facts.target = kernel.cgroup.cgroup_id;
  } else if (kernel.type == BPF_LINK_TYPE_NETNS) {
    facts.target = kernel.netns.netns_ino;
  }
  return facts;
}

Status attach(const Program& program, int target_fd, const std::string& path) {
  const Fd link(
      bpf_link_create(program.fd.get(), target_fd, static_cast<bpf_attach_type>(program.attach_type), nullptr));
  if (!link) {
    return fail_sys("attaching " + program.name);
  }
  if (bpf_obj_pin(link.get(), path.c_str()) != 0) {
    return fail_sys("pinning " + path);
  }
  return {};
}

Status replace_program(int link_fd, const Program& program) {
  if (bpf_link_update(link_fd, program.fd.get(), nullptr) != 0) {
    return fail_sys("replacing " + program.name);
  }
  return {};
}

Status detach(const std::string& path) {
  auto link = open_link(path);
  if (!link) {
    return std::unexpected(link.error());
  }
  if (!*link) {
    return {};
  }
  if (bpf_link_detach(link->get()) != 0 && errno != ENOLINK) {  // ENOLINK: its target went before
    return fail_sys("detaching " + path);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail_sys(path);
  }
  return {};
}

}  // namespace fairlead::bpf
