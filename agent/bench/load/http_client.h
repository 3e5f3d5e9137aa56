// The child's side of the generator: a connection that sends one request at a time and reads its answer to the end.
// One thread.
#pragma once

#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/http/h1.h"

#include <sys/socket.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fairlead::bench {

class HttpClient {
 public:
  enum class Step : uint8_t {
    kWait,      // for the socket
    kAnswered,  // the last byte of a good answer has come
    kFailed,    // failure() says why; the connection is closed
  };

  // `request` outlives this.
  HttpClient(const sockaddr_storage& target, std::string_view request) : target_(target), request_(request) {}

  // Connects and waits for that, before anything is timed. False: failure() says why.
  bool open();
  // Begins to connect, if there is no connection, and to send. The descriptor may be a new one after that.
  Step send();
  // Goes on after an event.
  Step advance();

  // No connection is kept after this answer: the server said so, or has closed.
  void close() { socket_.reset(); }
  [[nodiscard]] bool is_open() const { return static_cast<bool>(socket_); }
  [[nodiscard]] bool server_closes() const { return closes_; }
  [[nodiscard]] bool wants_write() const { return connecting_ || sent_ < request_.size(); }
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] const char* failure() const { return failure_; }

 private:
  Step connect();
  Step write();
  Step read();
  Step consume(std::string_view bytes);
  Step body(std::string_view& bytes);
  Step failed(const char* why);

  const sockaddr_storage& target_;
  std::string_view request_;
  Fd socket_;
  bool connecting_ = false, in_body_ = false, closes_ = false;
  size_t sent_ = 0;
  http::ResponseParser parser_;
  http::ResponseHead head_;
  http::ChunkedReader chunks_;
  http::BodyFraming framing_;
  uint64_t left_ = 0;       // of a body with a length
  std::string unfinished_;  // a head that came in pieces
  const char* failure_ = "";
};

}  // namespace fairlead::bench
