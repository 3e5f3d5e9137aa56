#include "bpf/user/trial.h"

#include "bpf/user/object.h"
#include "skel/trial.skel.h"

#include <bpf/bpf.h>
#include <fcntl.h>

namespace fairlead::bpf {

Result<Trial> Trial::start(uint64_t netns_cookie, int cgroup_fd) {
  auto skeleton = Skeleton<fl_trial>::open();
  if (!skeleton) {
    return std::unexpected(skeleton.error());
  }
  (*skeleton)->rodata->fl_netns = netns_cookie;
  if (const int error = bpf_object__load(skeleton->object()); error != 0) {
    return fail_sys("loading the self-tests' programs", -error);
  }
  const auto own = [](int fd) { return Fd(fcntl(fd, F_DUPFD_CLOEXEC, 0)); };
  Trial trial;
  trial.members_ = own(bpf_map__fd((*skeleton)->maps.m_trial_members));
  trial.peers_ = own(bpf_map__fd((*skeleton)->maps.m_trial_peers));
  const int redirect = bpf_program__fd((*skeleton)->progs.trial_redirect);
  const int join = bpf_program__fd((*skeleton)->progs.trial_join);
  if (bpf_prog_attach(redirect, trial.members_.get(), BPF_SK_MSG_VERDICT, 0) != 0) {
    return fail_sys("attaching an sk_msg program");
  }
  trial.link_ = Fd(bpf_link_create(join, cgroup_fd, BPF_CGROUP_SOCK_OPS, nullptr));
  if (!trial.link_) {
    return fail_sys("attaching a sock_ops program");
  }
  return trial;
}

Status Trial::redirect(uint64_t from, uint64_t to) {
  return bpf_map_update_elem(peers_.get(), &from, &to, BPF_ANY) == 0 ? Status() : fail_sys("m_trial_peers");
}

Status Trial::stop(uint64_t from) {
  return bpf_map_delete_elem(peers_.get(), &from) == 0 || errno == ENOENT ? Status() : fail_sys("m_trial_peers");
}

}  // namespace fairlead::bpf
