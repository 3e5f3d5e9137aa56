// One request and its answer. Lives in the frame of its session for that long. Worker-local.
#pragma once

#include "userspace-proxy/proxy/body_pump.h"
#include "userspace-proxy/proxy/http_session.h"
#include "userspace-proxy/proxy/reporter.h"
#include "userspace-proxy/proxy/snapshot_pin.h"
#include "userspace-proxy/proxy/upgrade.h"
#include "userspace-proxy/upstream/connection.h"

#include <memory>
#include <string>

namespace fairlead::proxy {

struct Exchange {
  Exchange(HttpSession& session, Scratch& scratch);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() = default;

  io::Task<HttpSession::After> run();

 private:
  using After = HttpSession::After;

  // How an attempt at an upstream ended.
  enum class Attempt : uint8_t { kAnswered, kRetry, kFailed, kOver };
  // What one turn of sending the request, or of reading the answer's head, came to.
  enum class Turn : uint8_t {
    kWait,     // for what `Waits` says
    kAgain,    // there is more to do without waiting
    kYield,    // the same, but others should have a turn
    kInterim,  // a 1xx head is ready to be sent
    kAnswered,
    kFailed,  // outcome_.reason says why
    kOver,    // the same, and nobody is left to answer
  };
  struct Waits {
    io::Interest client = io::Interest::kFailure, upstream = io::Interest::kRead;
  };

  // Who, where to, and whether it may. NONE: go on and forward.
  Reason decide();
  Reason judge();
  void write_request_head();
  void write_response_head(bool rechunk);

  [[nodiscard]] upstream::Key upstream_key() const;
  io::Task<After> forward();
  io::Task<Attempt> attempt(BodyPump& request_body);
  // Reads until the final answer's head is in scratch.response, sending the request's body meanwhile.
  io::Task<Attempt> await_answer(BodyPump& request_body);
  Turn send_request(BodyPump& request_body, Waits& waits);
  Turn read_answer_head();
  Turn parse_answer_head();
  io::Task<After> relay_answer(BodyPump& request_body);
  io::Task<After> upgraded();

  io::Task<After> reply(uint16_t status, std::string_view body, std::span<const http::Field> fields);
  io::Task<After> refuse(Reason reason);
  void fail(Reason reason) { outcome_.reason = reason; }
  // In the middle of an answer: both sides see that it is over.
  After cut(Reason reason);
  // Waiting ended without what was waited for.
  [[nodiscard]] Reason late_or_idle() const;
  // Keeps the upstream connection where it can be used again, and says what becomes of the client's.
  After after_answer(bool request_whole);
  void report();
  [[nodiscard]] bool skip_body();
  void keep_texts();
  [[nodiscard]] uint64_t deadline_or(uint64_t fallback_ns) const;

  HttpSession& session_;
  Worker& worker_;
  Scratch& scratch_;
  io::Loop& loop_;
  const SnapshotPin snapshot_;
  const http::RequestHead& head_;
  Subject subject_;
  Outcome outcome_;
  std::unique_ptr<upstream::Connection> upstream_;
  uint64_t deadline_ns_ = 0;  // of the route's timeout, 0: none
  uint64_t answer_began_ns_ = 0;
  bool websocket_ = false;
  std::string upgrade_head_;  // of a request that may be upgraded, as the destination sees it
  std::unique_ptr<Upgrade> upgrade_;
  bool request_given_up_ = false;  // the upstream does not take it; an answer may lie there already
  bool head_in_buffer_ = true;     // the request's head is still at the front of the session's buffer
};

}  // namespace fairlead::proxy
