#include "agent/bench/load/target.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace fairlead::bench {

Result<sockaddr_storage> socket_address(const Endpoint& endpoint) {
  sockaddr_storage address{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (inet_pton(AF_INET, endpoint.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    return address;
  }
  if (inet_pton(AF_INET6, endpoint.address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    return address;
  }
  return fail(fmt::format("\"{}\" is no IP address", endpoint.address));
}

socklen_t size_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

std::string get_request(const std::string& authority, const std::string& path, AfterAnswer then) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: fairlead-bench\r\n{}\r\n", path, authority,
                     then == AfterAnswer::kClose ? "Connection: close\r\n" : "");
}

}  // namespace fairlead::bench
