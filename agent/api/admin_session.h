// One connection to the admin socket. Main thread only.
#pragma once

#include "agent/loop.h"
#include "userspace-proxy/base/fd.h"

#include <memory>
#include <string>

namespace fairlead::api {

class AdminSocket;

class AdminSession : public std::enable_shared_from_this<AdminSession> {
 public:
  AdminSession(AdminSocket& owner, Fd socket) : owner_(owner), socket_(std::move(socket)) {}
  void start(agent::Loop& loop);
  // A peer that does not read is dropped once kMaxQueued bytes wait for it.
  void send(const std::string& line);

 private:
  static constexpr size_t kMaxRequest = 64 * 1024;
  static constexpr size_t kMaxQueued = 16u << 20;

  void on_events(uint32_t events);
  void receive();
  void flush();
  void close();

  AdminSocket& owner_;
  Fd socket_;
  std::string input_, output_;
  bool writing_ = false;
  bool closed_ = false;
  agent::Loop::Watch watch_;
};

}  // namespace fairlead::api
