// One request and its answer. Lives in the frame of its session for that long. Worker-local.
#pragma once

#include "userspace-proxy/proxy/body_pump.h"
#include "userspace-proxy/proxy/http_session.h"
#include "userspace-proxy/proxy/reporter.h"
#include "userspace-proxy/proxy/snapshot_pin.h"
#include "userspace-proxy/upstream/connection.h"

#include <memory>

namespace fairlead::proxy {

struct Exchange {
  Exchange(HttpSession& session, Scratch& scratch);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  io::Task<HttpSession::After> run();

 private:
  using After = HttpSession::After;

  // How an attempt at an upstream ended.
  enum class Attempt : uint8_t { kAnswered, kRetry, kFailed, kOver };

  // Who, where to, and whether it may. NONE: go on and forward.
  Reason decide();
  Reason judge();
  void write_request_head();
  void write_response_head(bool rechunk);

  io::Task<After> forward();
  io::Task<Attempt> attempt(BodyPump& request_body);
  // Reads until the final answer's head is in scratch.response, sending the request's body meanwhile.
  io::Task<Attempt> await_answer(BodyPump& request_body);
  io::Task<After> relay_answer(BodyPump& request_body);
  io::Task<After> upgraded();

  io::Task<After> reply(uint16_t status, std::string_view body, std::span<const http::Field> fields);
  io::Task<After> refuse(Reason reason);
  void fail(Reason reason) { outcome_.reason = reason; }
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
  bool head_in_buffer_ = true;  // the request's head is still at the front of the session's buffer
};

}  // namespace fairlead::proxy
