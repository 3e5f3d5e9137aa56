#include "userspace-proxy/plan/judge.h"

namespace fairlead::plan {

policy::Decision judge(const config::Workload& destination, const SocketAddress& endpoint, const Caller& caller,
                       const http::RequestHead* head) {
  if (destination.policies.empty()) {
    return {};
  }
  return destination.policies.decide({.source = caller.identity,
                                      .source_ip = caller.address.ip,
                                      .remote_ip = caller.address.ip,
                                      .destination_ip = endpoint.ip,
                                      .destination_port = endpoint.port,
                                      .http = head});
}

bool needs_http(const config::Workload& destination) { return destination.policies.needs_http(); }

}  // namespace fairlead::plan
