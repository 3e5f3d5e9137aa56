// A worker's line to the agent (broker/wire.h): what arrives is handed on, what is sent goes out now or, while the
// agent is slow, in order later. When the agent is gone the proxy serves on with what it has. Loop's thread only.
#pragma once

#include "userspace-proxy/broker/wire.h"
#include "userspace-proxy/io/loop.h"

#include <deque>

namespace fairlead::proxy {

class ChannelHandler {
 public:
  virtual void message(broker::Received received) = 0;
  virtual void agent_gone() = 0;

 protected:
  ~ChannelHandler() = default;
};

class Channel final : public io::Source {
 public:
  Channel(io::Loop& loop, Fd fd, ChannelHandler& handler);
  ~Channel() override;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Status start();
  void send(const broker::Message& message);
  [[nodiscard]] bool open() const { return fd_.valid(); }
  void on_events(uint32_t events) override;

 private:
  void flush();
  void close(std::string_view why);

  io::Loop& loop_;
  Fd fd_;
  ChannelHandler& handler_;
  std::deque<broker::Message> unsent_;
};

}  // namespace fairlead::proxy
