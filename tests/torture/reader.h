// The receiving half of an end: bytes of the socket by one way of receiving. One thread at a time.
#pragma once

#include "tests/torture/plan.h"
#include "tests/torture/random.h"
#include "tests/torture/writer.h"

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace fairlead::torture {

class Reader {
 public:
  enum class Outcome : uint8_t { kBytes, kEnd, kWouldBlock, kFailed, kWrong };
  struct Got {
    Outcome outcome;
    std::span<const char> bytes = {};  // until the next call
    int error = 0;                     // kFailed
    std::string words = {};            // kWrong: what the kernel said that cannot be true
  };

  explicit Reader(const EndPlan& plan);

  // `most`: no more is of use. `announced`: epoll has said that there is something to read, and nothing was read since.
  Got step(int socket, uint64_t most, bool announced);

 private:
  static constexpr size_t kRoom = 256U << 10U;

  static Got result(ssize_t received, const char* bytes);
  Got peek(int socket, size_t size);
  Got counted(int socket, size_t size, bool announced);
  Got by_splice(int socket, size_t size);
  Got wait_for_all(int socket, size_t size);

  const EndPlan& plan_;
  Random random_;
  std::unique_ptr<Pipe> pipe_;
  bool short_before_ = false;  // MSG_WAITALL gave less: the end must follow
};

}  // namespace fairlead::torture
