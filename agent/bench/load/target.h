// Where a load goes. Pure; any thread.
#pragma once

#include "userspace-proxy/base/error.h"

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace fairlead::bench {

struct Endpoint {
  std::string address;  // IPv4 or IPv6
  uint16_t port = 0;    // host order
};

Result<sockaddr_storage> socket_address(const Endpoint& endpoint);
socklen_t size_of(const sockaddr_storage& address);

// The authority that every request names, whatever address it goes to: the same bytes on every path.
inline constexpr const char* kAuthority = "web-http";
enum class AfterAnswer : uint8_t { kKeep, kClose };
std::string get_request(const std::string& authority, const std::string& path, AfterAnswer then = AfterAnswer::kKeep);

}  // namespace fairlead::bench
