#include "agent/kernel/attachments.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace fairlead::kernel {
namespace {

// A cgroup's id is the inode of its directory (64-bit kernels), a netns link names its netns by inode.
Result<uint64_t> inode_of(int fd) {
  struct stat facts{};
  if (fstat(fd, &facts) != 0) {
    return fail_sys("fstat");
  }
  return facts.st_ino;
}

// What hangs at `path`, if it hangs on the thing with this inode; an empty Fd if nothing does.
struct Existing {
  Fd link;
  bpf::Tag tag{};
};

Result<Existing> find_existing(const std::string& path, uint64_t target) {
  auto link = bpf::open_link(path);
  if (!link) {
    return std::unexpected(link.error());
  }
  if (!*link) {
    return Existing{};
  }
  const auto facts = bpf::facts_of_link(link->get());
  if (!facts) {
    return std::unexpected(facts.error());
  }
  if (facts->target != target) {
    return Existing{};
  }
  const auto program = bpf::facts_of_id(facts->program_id);
  if (!program) {
    return std::unexpected(program.error());
  }
  return Existing{.link = std::move(*link), .tag = program->tag};
}

}  // namespace

Result<Attached> ensure_attached(const bpf::Program& program, int target_fd, const std::string& path) {
  const auto target = inode_of(target_fd);
  if (!target) {
    return std::unexpected(target.error());
  }
  const auto existing = find_existing(path, *target);
  if (!existing) {
    return std::unexpected(existing.error());
  }
  if (!existing->link) {
    if (auto gone = bpf::detach(path); !gone) {  // one that hangs elsewhere
      return std::unexpected(gone.error());
    }
    if (auto attached = bpf::attach(program, target_fd, path); !attached) {
      return std::unexpected(attached.error());
    }
    return Attached::kNew;
  }
  const auto facts = bpf::facts_of(program.fd.get());
  if (!facts) {
    return std::unexpected(facts.error());
  }
  if (facts->tag == existing->tag) {
    return Attached::kAdopted;
  }
  if (auto replaced = bpf::replace_program(existing->link.get(), program); !replaced) {
    return std::unexpected(replaced.error());
  }
  return Attached::kReplaced;
}

Result<Attached> attach_to_cgroup(const std::vector<bpf::Program>& programs, const std::string& cgroup,
                                  const bpf::PinDir& pins) {
  const Fd directory(open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return fail_sys("cgroup " + cgroup);
  }
  Attached answer = Attached::kAdopted;
  for (const auto& program : programs) {
    const auto attached = ensure_attached(program, directory.get(), pins.link(program.name));
    if (!attached) {
      return fail(attached.error(), cgroup);
    }
    if (bpf::is_sock_ops(program)) {
      answer = *attached;
    }
  }
  return answer;
}

Result<bool> SteerLinks::is_current(uint64_t netns_cookie, int netns_fd) {
  if (!tag_) {
    return false;
  }
  const auto target = inode_of(netns_fd);
  if (!target) {
    return std::unexpected(target.error());
  }
  const auto existing = find_existing(pins_.steer(netns_cookie), *target);
  if (!existing) {
    return std::unexpected(existing.error());
  }
  return existing->link.valid() && existing->tag == *tag_;
}

Status SteerLinks::add(uint64_t netns_cookie, int netns_fd) {
  const auto current = is_current(netns_cookie, netns_fd);
  if (!current) {
    return std::unexpected(current.error());
  }
  if (*current) {
    return {};
  }
  const auto program = bpf::load_steer(maps_, netns_cookie);
  if (!program) {
    return std::unexpected(program.error());
  }
  const auto facts = bpf::facts_of(program->fd.get());
  if (!facts) {
    return std::unexpected(facts.error());
  }
  tag_ = facts->tag;
  if (auto attached = ensure_attached(*program, netns_fd, pins_.steer(netns_cookie)); !attached) {
    return std::unexpected(attached.error());
  }
  return {};
}

Status SteerLinks::remove(uint64_t netns_cookie) { return bpf::detach(pins_.steer(netns_cookie)); }

}  // namespace fairlead::kernel
