// A small read-only HTTP server on the agent's loop (libmicrohttpd, its own epoll inside ours): metrics, readiness,
// admin. GET and HEAD only. Main thread only.
#pragma once

#include "agent/loop.h"
#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct MHD_Daemon;

namespace fairlead::api {

struct HttpAnswer {
  uint32_t status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Where to listen: "127.0.0.1:15000", "[::1]:15000", ":15020" or "15020" (any address, both families where there are
// two).
struct ListenAddress {
  SocketAddress address;  // ip none: any
  [[nodiscard]] std::string text() const;
};
Result<ListenAddress> parse_listen_address(std::string_view text);

class HttpEndpoint {
 public:
  using Handler = std::function<HttpAnswer(std::string_view path)>;

  // Tries the port, then, where it is taken, one that the kernel chooses.
  static Result<std::unique_ptr<HttpEndpoint>> open(agent::Loop& loop, const ListenAddress& wanted, Handler handler);
  ~HttpEndpoint();
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  // Where it really listens.
  [[nodiscard]] const ListenAddress& address() const { return address_; }
  [[nodiscard]] HttpAnswer answer(std::string_view path) const { return handler_(path); }

 private:
  HttpEndpoint(agent::Loop& loop, ListenAddress address, Handler handler);
  void run();

  agent::Loop& loop_;
  ListenAddress address_;
  Handler handler_;
  MHD_Daemon* daemon_ = nullptr;
  agent::Loop::Watch watch_;
  agent::Loop::Timer timeout_;
};

}  // namespace fairlead::api
