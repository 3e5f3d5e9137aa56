// A SYN made by hand, as a pod with NET_RAW could send it: any source address and port. The address's family decides.
#pragma once

#include "tests/bpf/netns.h"
#include "userspace-proxy/base/address.h"

namespace fairlead::test {

void send_raw_syn(const Netns& from, const SocketAddress& source, const SocketAddress& destination);

}  // namespace fairlead::test
