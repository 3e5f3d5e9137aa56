// A worker's line to the agent (broker/wire.h): what arrives is handed on, what is sent goes out now or, while the
// agent is slow, in order later. When the agent is gone the proxy serves on with what it has, and looks for the next
// one (broker/reconnect.h) until it is there. Loop's thread only.
#pragma once

#include "userspace-proxy/broker/wire.h"
#include "userspace-proxy/io/loop.h"

#include <deque>
#include <string>

namespace fairlead::proxy {

class ChannelHandler {
 public:
  // What the worker says first to every agent.
  [[nodiscard]] virtual broker::Message greeting() const = 0;
  virtual void message(broker::Received received) = 0;
  // Another agent than before is there, and greeted.
  virtual void agent_is_back() = 0;

 protected:
  ~ChannelHandler() = default;
};

class Channel final : public io::Source {
 public:
  // `rendezvous`: where the next agent is found; relative to the current directory, or for tests absolute.
  Channel(io::Loop& loop, Fd fd, ChannelHandler& handler, std::string rendezvous);
  ~Channel() override;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Status start();
  // Nothing if there is no agent.
  void send(const broker::Message& message);
  [[nodiscard]] bool open() const { return fd_.valid(); }
  void on_events(uint32_t events) override;

 private:
  // A look costs three system calls. An agent is adopted by well within the two seconds that are promised.
  static constexpr uint64_t kFirstLookNs = 50'000'000, kLongestLookNs = 400'000'000;

  struct Look final : io::Timer {
    explicit Look(Channel& of) : channel(of) {}
    void on_timer() override { channel.look_for_agent(); }
    Channel& channel;
  };

  void flush();
  void close(std::string_view why);
  void look_for_agent();

  io::Loop& loop_;
  Fd fd_;
  ChannelHandler& handler_;
  std::string rendezvous_;
  std::deque<broker::Message> unsent_;
  Look look_;
  uint64_t until_look_ns_ = kFirstLookNs;  // grows until an agent has said something: one that refuses us is not asked
                                           // all the time
};

}  // namespace fairlead::proxy
