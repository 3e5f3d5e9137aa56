// Moves one message body from one socket to another: a state machine that goes on until it would block.
// Length-delimited bodies are sent from the block they were read into; chunked ones are checked and framed anew, so
// that nothing that two parties could read differently passes. Worker-local, synchronous.
#pragma once

#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/io/stream_end.h"

#include <string>

namespace fairlead::proxy {

class BodyPump {
 public:
  enum class Step : uint8_t {
    kDone,         // the body is through, everything is written
    kWantRead,     // needs bytes from the source
    kWantWrite,    // needs room at the sink
    kBusy,         // could go on, but others should have a turn
    kSourceEnded,  // the source closed before the end of the body
    kBadFraming,   // the source sent something that is no chunked body
    kSinkFailed,
  };

  struct Sink {
    io::Socket& socket;
    std::string& pending;  // goes out first: the head, usually
  };

  // `rechunk`: a body that ends with its connection is sent chunked.
  BodyPump(io::StreamEnd source, Sink sink, http::BodyFraming framing, bool rechunk);
  BodyPump(const BodyPump&) = delete;
  BodyPump& operator=(const BodyPump&) = delete;
  ~BodyPump() = default;

  Step advance();

  [[nodiscard]] bool body_read() const { return read_all_; }  // nothing more to take from the source
  [[nodiscard]] bool done() const { return read_all_ && pending_.size() == sent_ && direct_ == 0; }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }  // of payload, taken so far

 private:
  Step flush();
  void take();
  void take_chunked();

  io::Socket& source_;
  io::Buffer& in_;
  io::Socket& sink_;
  http::BodyFraming framing_;
  std::string& pending_;  // framed bytes that are to go out, from `sent_` on
  size_t sent_ = 0;
  size_t direct_ = 0;  // bytes at the front of `in_` that go out as they are, behind `pending_`
  uint64_t left_ = 0;
  uint64_t bytes_ = 0;
  http::ChunkedReader chunks_;
  bool rechunk_;
  bool read_all_ = false;
  bool bad_ = false;
};

}  // namespace fairlead::proxy
