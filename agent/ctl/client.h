// The command's side of the admin socket: one connection, requests and answers as JSON lines. Blocking; one thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace fairlead::ctl {

class Client {
 public:
  using Clock = std::chrono::steady_clock;

  // Tries until `patience` is over: an agent that is being started has no socket yet. The error says what to do.
  static Result<Client> connect(const std::string& run_dir, std::chrono::milliseconds patience = {});

  // Sends a request; `each` gets every line before the last; returns the last. A refusal ("error") comes as an Error,
  // and so does an agent that ends meanwhile.
  Result<nlohmann::json> ask(const nlohmann::json& request,
                             const std::function<void(const nlohmann::json&)>& each = nullptr);

 private:
  explicit Client(Fd socket) : socket_(std::move(socket)) {}
  Result<std::string> read_line();

  Fd socket_;
  std::string input_;
};

// One question, on a connection of its own.
Result<nlohmann::json> ask(const std::string& run_dir, const nlohmann::json& request);

}  // namespace fairlead::ctl
