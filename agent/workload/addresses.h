// The addresses of a pod, read in its network namespace: for manifests that state none. Main thread only.
#pragma once

#include "agent/workload/netns.h"
#include "userspace-proxy/base/address.h"

#include <vector>

namespace fairlead::workload {

// Every address of every interface but loopback and link-local ones, IPv4 first; order of the interfaces.
Result<std::vector<IpAddress>> addresses_in(const NetnsDoor& door, int netns_fd);

}  // namespace fairlead::workload
