// The sending half of an end: a head, then the stream in pieces, by one way of sending, framed. One thread at a time.
#pragma once

#include "tests/torture/plan.h"
#include "tests/torture/random.h"
#include "tests/torture/report.h"

#include <memory>
#include <string>

namespace fairlead::torture {

// Two ends of a pipe, for splice().
struct Pipe {
  Pipe();
  Fd out, in;  // to read from, to write to
};

class Writer {
 public:
  enum class Step : uint8_t { kWrote, kWouldBlock, kGated, kDone, kFailed };

  Writer(const Pattern& pattern, const EndPlan& plan, const Plan& connection, Report& report, Flow& flow);

  // Goes out before everything else.
  void put(std::string head) { literal_ = std::move(head); }
  // One system call. `allowed`: the stream may go on up to there; kNever: to its end. `error()` tells what failed.
  Step step(int socket, uint64_t allowed);
  [[nodiscard]] int error() const { return error_; }

 private:
  Step send_literal(int socket);
  // Sends of the piece that is under way; bytes taken by the socket, or -1.
  ssize_t send_piece(int socket);
  ssize_t by_message(int socket, std::span<const char> bytes) const;
  ssize_t by_splice(int socket, std::span<const char> bytes);
  bool next_piece(uint64_t allowed);

  const Pattern& pattern_;
  const EndPlan& plan_;
  Report& report_;
  Flow& flow_;
  Random random_;
  std::string literal_;
  uint64_t taken_ = 0;  // of the stream, by pieces begun
  uint64_t left_ = 0;   // of the piece
  uint64_t in_pipe_ = 0;
  std::unique_ptr<Pipe> pipe_;
  int error_ = 0;
  bool chunked_, lockstep_, over_ = false;
};

}  // namespace fairlead::torture
