// The destination's policy for one request or connection. Pure; any thread.
#pragma once

#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/policy/policy.h"

namespace fairlead::plan {

struct Caller {
  const policy::Identity* identity = nullptr;  // null: nobody is known
  SocketAddress address;                       // the true client
};

// `head` null: a TCP connection.
policy::Decision judge(const config::Workload& destination, const SocketAddress& endpoint, const Caller& caller,
                       const http::RequestHead* head);

// A policy of the workload looks at HTTP facts, which a connection without HTTP/1.1 cannot give: refuse it.
bool needs_http(const config::Workload& destination);

}  // namespace fairlead::plan
