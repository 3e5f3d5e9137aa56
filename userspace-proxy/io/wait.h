// Waiting in a task: for one or two sockets, with a deadline.
//
//   const Wake wake = co_await Wait(loop).on(client, Interest::kRead).until(deadline_ns);
//
// kReady: at least one of them is ready (ask the sockets which). Tries first, suspends only if it must.
#pragma once

#include "userspace-proxy/io/loop.h"
#include "userspace-proxy/io/socket.h"

#include <array>
#include <coroutine>
#include <cstdint>

namespace fairlead::io {

class Wait final : public Waiter, private Timer {
 public:
  explicit Wait(Loop& loop) : loop_(loop) {}

  Wait& on(Socket& socket, Interest interest) {
    sockets_[count_] = &socket;
    interests_[count_++] = interest;
    return *this;
  }
  // Of the monotonic clock; 0: no deadline.
  Wait& until(uint64_t deadline_ns) {
    deadline_ns_ = deadline_ns;
    return *this;
  }

  [[nodiscard]] bool await_ready();
  void await_suspend(std::coroutine_handle<> task);
  Wake await_resume() const { return result_; }

  void wake(Wake wake) override;

 private:
  void on_timer() override { wake(Wake::kTimeout); }

  Loop& loop_;
  std::array<Socket*, 2> sockets_{};
  std::array<Interest, 2> interests_{};
  uint8_t count_ = 0;
  Wake result_ = Wake::kReady;
  uint64_t deadline_ns_ = 0;
  std::coroutine_handle<> task_;
};

// Gives other tasks of the loop their turn; this one goes on at the end of it.
class Yield final : private Loop::Deferred {
 public:
  explicit Yield(Loop& loop) : loop_(loop) {}
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> task) {
    task_ = task;
    loop_.defer(*this);
  }
  void await_resume() const {}

 private:
  void run() override { task_.resume(); }

  Loop& loop_;
  std::coroutine_handle<> task_;
};

}  // namespace fairlead::io
