// A listening socket that an agent before us made and a proxy has kept: how it is known again.
//
// Whoever kept it is untrusted, and may have made something else of what it was given: an accepted socket inherits its
// listener's tag, can be disconnected, bound and made to listen. So nothing is believed but the kernel: the tag, which
// only an agent of this run-dir can have written; that the socket lives in the namespace that the tag speaks of; that
// it listens; and that its address is on loopback, where no stranger reaches it. What a proxy can forge beyond that is
// a listener on another port of a pod that it serves anyway.
#pragma once

#include "agent/workload/sockets.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <functional>
#include <optional>

namespace fairlead::workload {

// kernel::Datapath::tag_of, or a test's.
using TagOf = std::function<Result<std::optional<fl_tag>>(int socket_fd)>;

// The listener behind `fd`, which is consumed; none if it is not one of ours. `mode`: whose it is, by the proxy that
// has it. Makes a few system calls, most for those that are listeners of ours.
std::optional<Listener> recognize_listener(Fd fd, fl_mode mode, const TagOf& tag_of);

}  // namespace fairlead::workload
