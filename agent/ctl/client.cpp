#include "agent/ctl/client.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

namespace fairlead::ctl {

Result<Client> Client::connect(const std::string& run_dir, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kRetry{20};
  const std::string path = run_dir + "/fairlead.sock";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return fail(fmt::format("{}: too long for a unix socket", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const Clock::time_point until = Clock::now() + patience;
  while (true) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) {
      return fail_sys("socket");
    }
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return Client(std::move(socket));
    }
    const int error = errno;
    const bool may_come = error == ENOENT || error == ECONNREFUSED;
    if (!may_come || Clock::now() >= until) {
      return may_come ? fail(fmt::format("no fairlead-agent answers at {}; is it running with this --run-dir?", path))
                      : fail_sys(path, error);
    }
    std::this_thread::sleep_for(kRetry);
  }
}

Result<std::string> Client::read_line() {
  while (true) {
    if (const size_t end = input_.find('\n'); end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      return line;
    }
    std::array<char, 16 * 1024> buffer;
    const ssize_t count = read(socket_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return fail("the agent has closed the connection (it ended, or this user may not speak to it)");
    }
    input_.append(buffer.data(), static_cast<size_t>(count));
  }
}

Result<nlohmann::json> Client::ask(const nlohmann::json& request,
                                   const std::function<void(const nlohmann::json&)>& each) {
  const std::string text = request.dump() + "\n";
  if (send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    return fail_sys("the agent's socket");
  }
  while (true) {
    const auto line = read_line();
    if (!line) {
      return std::unexpected(line.error());
    }
    auto answer = nlohmann::json::parse(*line, nullptr, /*allow_exceptions=*/false);
    if (!answer.is_object()) {
      return fail("the agent's answer is not JSON");
    }
    if (answer.contains("error") && answer["error"].is_string()) {
      return fail(answer["error"].get<std::string>());
    }
    if (answer.value("done", false)) {
      answer.erase("done");
      return answer;
    }
    if (each) {
      each(answer);
    }
  }
}

Result<nlohmann::json> ask(const std::string& run_dir, const nlohmann::json& request) {
  auto client = Client::connect(run_dir);
  return client ? client->ask(request) : std::unexpected(client.error());
}

}  // namespace fairlead::ctl
