#include "agent/bench/ask.h"

#include "agent/host/file.h"
#include "userspace-proxy/base/fd.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace fairlead::bench {
namespace {

constexpr std::chrono::seconds kLongestWait(10);

// `whom`: for errors.
Result<Fd> connect_to(const sockaddr* address, socklen_t size, const std::string& whom) {
  Fd socket(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = kLongestWait.count(), .tv_usec = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket && connect(socket.get(), address, size) == 0 ? Result<Fd>(std::move(socket)) : fail_sys(whom);
}

Result<Fd> connect_to(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return fail(path + ": too long for a unix socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address, path);
}

Result<std::string> ask(const Fd& socket, std::string_view question, const std::string& whom) {
  if (send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size())) {
    return fail_sys(whom);
  }
  std::string answer;
  std::array<char, 16 * 1024> buffer;
  for (ssize_t count; (count = read(socket.get(), buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<size_t>(count));
  }
  return answer;
}

}  // namespace

bool is_listening(const std::string& path) { return connect_to(path).has_value(); }

Result<std::string> ask(const std::string& path, std::string_view question) {
  const auto socket = connect_to(path);
  return socket ? ask(*socket, question, path) : std::unexpected(socket.error());
}

Result<std::string> http_get(const Endpoint& endpoint, const std::string& path) {
  const std::string whom = fmt::format("http://{}:{}{}", endpoint.address, endpoint.port, path);
  const auto address = socket_address(endpoint);
  if (!address) {
    return std::unexpected(address.error());
  }
  const auto socket = connect_to(reinterpret_cast<const sockaddr*>(&*address), size_of(*address), whom);
  // 1.0: the answer comes in one piece and ends with the connection.
  const auto text = socket ? ask(*socket, fmt::format("GET {} HTTP/1.0\r\nHost: localhost\r\n\r\n", path), whom)
                           : std::unexpected(socket.error());
  if (!text) {
    return text;
  }
  constexpr std::string_view kEndOfHead = "\r\n\r\n";
  const size_t head = text->find(kEndOfHead);
  if (head == std::string::npos || text->find(" 200") != text->find(' ')) {
    return fail(fmt::format("{}: {}", whom, text->empty() ? "no answer" : text->substr(0, text->find('\r'))));
  }
  return text->substr(head + kEndOfHead.size());
}

Result<std::string> http_get_within(const std::string& netns, const Endpoint& endpoint, const std::string& path,
                                    const Interrupt& interrupt) {
  const Fd told(memfd_create("answer", MFD_CLOEXEC));
  if (!told) {
    return fail_sys("memfd_create");
  }
  const auto body = [&] {
    const auto answer = http_get(endpoint, path);
    return host::write_all(STDOUT_FILENO, answer ? *answer : answer.error().message()) && answer ? 0 : 1;
  };
  auto child = Process::call(body, {netns, {}}, {.input = -1, .output = told.get()});
  const auto ended = child ? child->wait(interrupt, Clock::now() + 2 * kLongestWait) : std::unexpected(child.error());
  if (!ended) {
    return std::unexpected(ended.error());
  }
  std::string text = content_of(told.get());
  return ended->is_success() ? Result<std::string>(std::move(text)) : fail(text);
}

}  // namespace fairlead::bench
