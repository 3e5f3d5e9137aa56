// Ends TCP connections from outside, as `ss -K` does (SOCK_DESTROY, Linux 4.5, CONFIG_INET_DIAG_DESTROY): the
// application's next call gets ECONNABORTED, its peer a reset. What was received and not read stays readable. A
// connection that is MPTCP at both ends goes on over another subflow. Main thread only.
#pragma once

#include "agent/workload/netns.h"
#include "bpf/abi/flow.h"
#include "userspace-proxy/base/error.h"

#include <span>

namespace fairlead::flow {

// The namespace that the watched socket of a connection lives in: the connecting one where it is of this node.
inline uint64_t netns_of_socket(const fl_flow& flow) {
  return (flow.reporters & FL_REPORT_SOURCE) != 0 ? flow.source_netns : flow.destination_netns;
}

// Ends those whose watched socket lives in the namespace; the number of those that were still there. Of each the
// cookie is compared by the kernel: a tuple that is somebody else's by now is left alone.
Result<size_t> end_connections(const workload::NetnsDoor& door, int netns_fd, std::span<const fl_flow> flows);

}  // namespace fairlead::flow
