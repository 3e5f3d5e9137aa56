// The list of open connections on the kernel path, made by an iterator program (progs/open.bpf.c) whenever it is asked
// for. Nothing is pinned: the program belongs to this object. Main thread of the agent.
#pragma once

#include "bpf/abi/flow.h"
#include "bpf/user/maps.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <vector>

namespace fairlead::bpf {

class OpenList {
 public:
  // An Error on kernels without BTF, or without iterators over socket storage (Linux 5.9).
  static Result<OpenList> load(const Maps& maps);
  // All of them, in no order; bytes until now, `ended_ns` 0. Connections that open or end meanwhile may be missing.
  [[nodiscard]] Result<std::vector<fl_flow>> read() const;

 private:
  explicit OpenList(Fd link) : link_(std::move(link)) {}
  Fd link_;
};

}  // namespace fairlead::bpf
