#include "bpf/user/open_list.h"

#include "bpf/user/object.h"
#include "skel/open.skel.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fairlead::bpf {

Result<OpenList> OpenList::load(const Maps& maps) {
  auto skeleton = Skeleton<fl_open>::open();
  if (!skeleton) {
    return std::unexpected(skeleton.error());
  }
  const auto programs = load_with(skeleton->object(), maps);
  if (!programs) {
    return std::unexpected(programs.error());
  }
  bpf_iter_link_info target{};
  target.map.map_fd = static_cast<__u32>(maps.sockets.fd());
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.iter_info = &target;
  options.iter_info_len = sizeof(target);
  Fd link(bpf_link_create(programs->front().fd.get(), 0, BPF_TRACE_ITER, &options));
  if (!link) {
    return fail_sys("attaching the list of open connections");
  }
  return OpenList(std::move(link));
}

Result<std::vector<fl_flow>> OpenList::read() const {
  const Fd walk(bpf_iter_create(link_.get()));
  if (!walk) {
    return fail_sys("listing open connections");
  }
  std::vector<fl_flow> flows;
  size_t bytes = 0;  // read so far; a record may come in two pieces
  for (;;) {
    constexpr size_t kStep = 512;
    flows.resize(bytes / sizeof(fl_flow) + kStep);
    char* const into = reinterpret_cast<char*>(flows.data()) + bytes;
    const ssize_t got = ::read(walk.get(), into, flows.size() * sizeof(fl_flow) - bytes);
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
      return fail_sys("listing open connections");
    }
    if (got == 0) {
      flows.resize(bytes / sizeof(fl_flow));
      return flows;
    }
    bytes += got > 0 ? static_cast<size_t>(got) : 0;
  }
}

}  // namespace fairlead::bpf
