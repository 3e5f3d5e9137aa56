// A listening socket that several workers (and, while one drains, several proxies) accept from. Level-triggered with
// EPOLLEXCLUSIVE: one worker wakes per connection. The descriptor is this worker's own copy. Loop's thread only.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/io/loop.h"

namespace fairlead::net {

class AcceptHandler {
 public:
  // `peer`: the address that accept() gave.
  virtual void accepted(Fd fd, const SocketAddress& peer) = 0;

 protected:
  ~AcceptHandler() = default;
};

class Listener final : public io::Source {
 public:
  Listener(io::Loop& loop, Fd fd, AcceptHandler& handler);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  Status start();
  void on_events(uint32_t events) override;
  // Takes what waits in the backlog, which closing the last copy of a listener resets.
  void take_the_rest();

 private:
  // False: there is nothing more to take now.
  bool take_one();

  io::Loop& loop_;
  Fd fd_;
  AcceptHandler& handler_;
  bool started_ = false;
};

}  // namespace fairlead::net
