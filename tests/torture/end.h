// One end of a connection: sends its stream, checks what it receives, leaves as planned. Two halves, each driven by one
// thread at a time (the same one in an event loop, two where the socket blocks).
#pragma once

#include "tests/torture/framing.h"
#include "tests/torture/reader.h"
#include "tests/torture/world.h"
#include "tests/torture/writer.h"

#include <optional>

namespace fairlead::torture {

// What an exchange leaves to the next one on its connection.
struct Remains {
  Fd socket;
  std::string early;  // bytes that came behind its message: a client may send its next request at once
};

class End {
 public:
  enum class Side : uint8_t { kClient, kServer };
  enum class Step : uint8_t {
    kAgain,
    kBlocked,  // the socket has no room or no bytes
    kGated,    // the plan says to wait for something else
    kOver,     // this half is done
  };

  End(World& world, Connection& connection, Side side, Fd socket);
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  ~End() = default;

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] const EndPlan& plan() const { return plan_; }
  // Bytes that were received with the head.
  void take_early(std::span<const char> bytes);

  Step write_step();
  // `announced`: epoll says that it is readable.
  Step read_step(bool announced);
  // Every kTickMs; ends the pause of a stalled reader once its sender is stuck, and gives up where nothing moves.
  void tick();

  [[nodiscard]] bool reading_over() const { return reading_over_; }
  [[nodiscard]] bool writing_over() const { return writing_over_; }
  [[nodiscard]] bool stalled() const { return stalled_; }
  [[nodiscard]] bool over() const { return reading_over_ && writing_over_; }
  // After the end: the socket, where another exchange may follow on it; else it is closed.
  Remains finish();

  static constexpr int kTickMs = 10;

 private:
  [[nodiscard]] bool is_http() const;
  [[nodiscard]] uint64_t allowed() const;
  bool leave_if_planned();
  void leave();
  Step sent_everything();
  Step reading_ended(const Reader::Got& got);
  Step feed(std::span<const char> bytes);
  bool head_ended();
  Step message_ended(std::span<const char> behind);
  Step wrong(const std::string& words);
  [[nodiscard]] std::string name() const;

  World& world_;
  Connection& connection_;
  const Side side_;
  const EndPlan &plan_, &peer_;
  Flow &out_, &in_;
  Fd socket_;
  Writer writer_;
  Reader reader_;
  Head head_;
  Payload payload_;
  std::atomic<bool> head_seen_, peer_ended_{false}, reading_over_{false}, writing_over_{false}, stalled_{false},
      failed_{false};
  std::string behind_;
  bool stall_done_ = false;
  int still_ticks_ = 0;
  uint64_t last_moved_ = 0;
};

}  // namespace fairlead::torture
