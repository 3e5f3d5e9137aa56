#include "agent/bench/stock/serving.h"

#include "agent/host/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

namespace fairlead::bench {
namespace {

constexpr std::chrono::seconds kPatience(10);

Result<Fd> connect_to(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return fail(path + ": too long for a unix socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_sys(path);
  }
  return socket;
}

Result<Fd> connect_to(const Endpoint& endpoint) {
  const auto address = socket_address(endpoint);
  if (!address) {
    return std::unexpected(address.error());
  }
  Fd socket(::socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), size_of(*address)) != 0) {
    return fail_sys(fmt::format("{}:{}", endpoint.address, endpoint.port));
  }
  return socket;
}

Result<std::string> ask(const Fd& socket, std::string_view question) {
  if (send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size())) {
    return fail_sys("send");
  }
  std::string answer;
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = read(socket.get(), buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<size_t>(count));
  }
  return answer;
}

}  // namespace

Status write_new(const std::string& path, std::string_view text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file || !host::write_all(file.get(), text)) {
    return fail_sys(path);
  }
  return {};
}

Result<Process> start_serving(const std::string& folder, const std::vector<std::string>& argv, const Place& place,
                              const Interrupt& interrupt, const std::function<bool()>& is_ready) {
  const std::string log = folder + "/output.log";
  const Fd output(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!output) {
    return fail_sys(log);
  }
  auto process = Process::exec(argv, place, {.input = -1, .output = output.get()});
  const Clock::time_point until = Clock::now() + kPatience;
  while (process && !is_ready()) {
    if (!process->is_running() || Clock::now() > until) {
      const auto told = host::read_file(log);
      return fail(fmt::format("{} does not start: {}", argv.front(), told ? last_line(*told) : ""));
    }
    if (const Status slept = interrupt.sleep(std::chrono::milliseconds(10)); !slept) {
      return std::unexpected(slept.error());
    }
  }
  return process;
}

bool is_listening(const std::string& path) { return connect_to(path).has_value(); }

Result<std::string> ask_socket(const std::string& path, std::string_view question) {
  const auto socket = connect_to(path);
  return socket ? ask(*socket, question) : std::unexpected(socket.error());
}

Result<std::string> ask_within(const std::string& netns, const Endpoint& endpoint, std::string_view question,
                               const Interrupt& interrupt) {
  const Fd told(memfd_create("answer", MFD_CLOEXEC));
  if (!told) {
    return fail_sys("memfd_create");
  }
  const auto body = [&] {
    const auto socket = connect_to(endpoint);
    const auto answer = socket ? ask(*socket, question) : std::unexpected(socket.error());
    return answer && host::write_all(STDOUT_FILENO, *answer) ? 0 : 1;
  };
  auto child = Process::call(body, {netns, {}}, {.input = -1, .output = told.get()});
  const auto ended = child ? child->wait(interrupt, Clock::now() + kPatience) : std::unexpected(child.error());
  if (!ended) {
    return std::unexpected(ended.error());
  }
  return ended->is_success() ? Result<std::string>(content_of(told.get()))
                             : fail(fmt::format("{}:{} does not answer", endpoint.address, endpoint.port));
}

uint64_t number_after(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  uint64_t value = 0;
  if (at != std::string_view::npos) {
    text.remove_prefix(at + key.size());
    text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  return value;
}

}  // namespace fairlead::bench
