// `fairlead explain`: what would happen to a connection or request, told by the very structures that decide: the
// snapshot of the proxies (hosts, routes, policies) and the kernel's table of targets. Nothing is sent. Pure.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/config/snapshot.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace fairlead::api {

struct ExplainQuery {
  std::string from;  // "shop/client"
  std::string host;  // a name or an address
  uint16_t port = 0;
  std::string method = "GET", path = "/";
  std::map<std::string, std::string> headers = {};  // a "host" among them replaces `host` as the Host field
};

// "HOST:PORT" or "[IP6]:PORT".
Result<std::pair<std::string, uint16_t>> parse_host_port(std::string_view text);

// An object as docs/admin-socket.md has it. Errors: no such pod, a name that no service has, a malformed request.
Result<nlohmann::json> explain(const config::Snapshot& snapshot, const ExplainQuery& query);

}  // namespace fairlead::api
