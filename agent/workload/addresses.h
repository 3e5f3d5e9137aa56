// The addresses of a pod, read in its network namespace: for manifests that state none. Main thread only.
#pragma once

#include "agent/workload/netns.h"
#include "userspace-proxy/base/address.h"

#include <vector>

namespace fairlead::workload {

// Every address of every interface but loopback and link-local ones, IPv4 first; order of the interfaces.
Result<std::vector<IpAddress>> addresses_in(const NetnsDoor& door, int netns_fd);

// `stated` by the manifest, and those `found` of a family of which it states none: a status with an IPv4 address alone
// does not mean that the pod dials from no other. Pure.
std::vector<IpAddress> with_missing_family(std::vector<IpAddress> stated, const std::vector<IpAddress>& found);

}  // namespace fairlead::workload
