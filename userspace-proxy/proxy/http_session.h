// One client connection that speaks HTTP/1.1: request after request, each planned and judged by the newest snapshot.
// Straight-line coroutines; bytes are moved by BodyPump. Worker-local.
#pragma once

#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/http/local_reply.h"
#include "userspace-proxy/io/buffer.h"
#include "userspace-proxy/io/socket.h"
#include "userspace-proxy/io/task.h"
#include "userspace-proxy/proxy/arrival.h"
#include "userspace-proxy/proxy/scratch.h"
#include "userspace-proxy/proxy/session_list.h"

#include <memory>
#include <optional>
#include <string_view>

namespace fairlead::proxy {

class Worker;
struct Exchange;

class HttpSession final : public Session {
 public:
  HttpSession(Worker& worker, Fd fd, const Arrival& arrival);

  io::Task<void> run();
  void drain() override;
  void pod_gone(uint64_t netns) override;
  void configured(const SnapshotPin& snapshot) override;

 private:
  friend struct Exchange;

  enum class Read : uint8_t {
    kHead,     // the scratch's head is filled
    kPreface,  // HTTP/2: the connection goes on as bytes
    kRefused,  // malformed, or too slow: refusal_ says what to answer
    kOver,     // the client has gone
    kNothing,  // nothing came after all: the connection is idle still
  };
  // What to do with the connection when a request is dealt with.
  enum class After : uint8_t { kNext, kCloseGently, kClose };

  io::Task<Read> read_head(Scratch& scratch);
  io::Task<After> refuse_head(Scratch& scratch);
  // Sends what is in scratch.to_client. False: the client does not take it.
  io::Task<bool> send_to_client(Scratch& scratch);
  // No more of ours, then reads and drops for a second at most: an answer must not be lost to a reset.
  io::Task<void> close_gently();

  Worker& worker_;
  Arrival arrival_;
  io::Socket client_;
  io::Buffer in_;
  http::RequestParser parser_;
  http::Refusal refusal_;
  uint64_t head_began_ns_ = 0;  // when the first byte of the head was seen
  size_t head_bytes_ = 0;
  bool between_requests_ = true;
  bool served_any_ = false;
  bool was_asked_to_drain_ = false;
  UpstreamNow upstream_;
};

}  // namespace fairlead::proxy
