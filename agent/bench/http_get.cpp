#include "agent/bench/http_get.h"

#include "userspace-proxy/base/fd.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>

namespace fairlead::bench {

Result<std::string> http_get(const Endpoint& endpoint, const std::string& path) {
  const std::string whom = fmt::format("http://{}:{}{}", endpoint.address, endpoint.port, path);
  const auto address = socket_address(endpoint);
  if (!address) {
    return std::unexpected(address.error());
  }
  const Fd socket(::socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // 1.0: the answer comes in one piece and ends with the connection.
  const std::string question = fmt::format("GET {} HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), size_of(*address)) != 0 ||
      send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size())) {
    return fail_sys(whom);
  }
  std::string text;
  std::array<char, 16 * 1024> buffer;
  for (ssize_t count; (count = read(socket.get(), buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(count));
  }
  constexpr std::string_view kEndOfHead = "\r\n\r\n";
  const size_t head = text.find(kEndOfHead), status = text.find(' ');
  if (head == std::string::npos || !std::string_view(text).substr(status).starts_with(" 200")) {
    return fail(fmt::format("{}: {}", whom, text.empty() ? "no answer" : text.substr(0, text.find('\r'))));
  }
  return text.substr(head + kEndOfHead.size());
}

}  // namespace fairlead::bench
