// The bytes of all streams: one ring of pseudo-random bytes in a memfd, which each stream enters at a place of its own.
// A stream's position can so be told from a few of its bytes, and sendfile() and splice() have a file to take them
// from. Immutable once made; any thread.
#pragma once

#include "userspace-proxy/base/fd.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace fairlead::torture {

// One direction of a connection.
struct Stream {
  uint64_t start = 0;  // its place in the ring
  uint64_t total = 0;  // bytes that are sent if nobody leaves early
};

class Pattern {
 public:
  static constexpr uint64_t kSize = 16U << 20U;

  Pattern();
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  // Holds the ring; the file's offset of a stream's position is `place`.
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] static uint64_t place(const Stream& stream, uint64_t position) {
    return (stream.start + position) % kSize;
  }
  // The bytes from `position` on, at most `most`, fewer where the ring begins anew.
  [[nodiscard]] std::span<const char> bytes(const Stream& stream, uint64_t position, uint64_t most) const;

  // What is wrong with `got`, received at `position`, in words; nullopt: nothing.
  [[nodiscard]] std::optional<std::string> complaint(const Stream& stream, uint64_t position,
                                                     std::span<const char> got) const;

 private:
  [[nodiscard]] std::string explain(const Stream& stream, uint64_t position, std::span<const char> got) const;

  Fd fd_;
  char* ring_ = nullptr;
};

}  // namespace fairlead::torture
