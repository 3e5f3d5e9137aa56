// The agent's end of one worker's socketpair (userspace-proxy/broker/wire.h): sends without ever blocking, queues what
// the worker does not take, and gives the worker up when it takes nothing for too long.
//
// Whatever comes in is untrusted; a message that is not one ends the channel. Main thread only. OnBroken comes from the
// loop, never from within send(), and may destroy the channel; OnMessage may not.
#pragma once

#include "agent/loop.h"
#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/broker/wire.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::agent_broker {

// Descriptors that travel with a message; shared with their owner while the message waits.
using SharedFds = std::vector<std::shared_ptr<const Fd>>;

class Channel {
 public:
  // Called with each message; with the reason once the channel is of no use any more.
  struct Handlers {
    std::function<void(const broker::Message&)> on_message;
    std::function<void(const std::string& why)> on_broken;
  };

  struct Limits {
    std::chrono::milliseconds stall{10'000};  // nothing taken for so long while messages wait: broken
    size_t queue = 16'384;                    // messages
  };

  Channel(agent::Loop& loop, Fd socket, Handlers handlers)
      : Channel(loop, std::move(socket), std::move(handlers), Limits()) {}
  Channel(agent::Loop& loop, Fd socket, Handlers handlers, Limits limits);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() = default;

  void send(const broker::Message& message, SharedFds fds = {});

  // Takes queued messages that carry descriptors of a namespace back, so that nothing of ours keeps it alive.
  // Returns the ids of listeners that will not be sent.
  std::vector<uint64_t> withdraw(uint64_t netns);

  [[nodiscard]] size_t queued() const { return queue_.size(); }

 private:
  struct Outgoing {
    broker::Message message;
    SharedFds fds;
  };
  void on_events(uint32_t events);
  void flush();
  void receive();
  void break_off(const std::string& why);
  void watch_for(bool writing);

  agent::Loop& loop_;
  Fd socket_;
  Handlers handlers_;
  Limits limits_;
  std::deque<Outgoing> queue_;
  bool writing_ = false;
  bool broken_ = false;
  agent::Loop::Watch watch_;
  agent::Loop::Timer stall_;  // once broken: the report of it
};

}  // namespace fairlead::agent_broker
