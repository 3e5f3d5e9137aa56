// Bytes between two sockets: one contiguous block, filled at the end and used up at the front. Blocks come from a pool
// of the worker, so that an idle connection holds none. Views into it die with the next `fill_space` or `release`.
// Loop's thread only.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace fairlead::io {

// Blocks of 16 KiB (a typical head or TLS record) are kept for reuse; larger ones, for large heads, are not.
class BufferPool {
 public:
  static constexpr size_t kBlock = 16 * 1024;

  std::unique_ptr<char[]> take();
  void give_back(std::unique_ptr<char[]> block);

 private:
  static constexpr size_t kKeep = 64;  // 1 MiB per worker at most
  std::vector<std::unique_ptr<char[]>> free_;
};

class Buffer {
 public:
  explicit Buffer(BufferPool& pool) : pool_(&pool) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  [[nodiscard]] std::string_view bytes() const { return {block_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }

  // Room behind the bytes; takes a block if there is none, and moves the bytes to the front if there is little room.
  std::span<char> fill_space();
  // The same, growing to `capacity` bytes if the block is full.
  std::span<char> fill_space(size_t capacity);
  void filled(size_t bytes) { end_ += bytes; }
  void consume(size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) {
      begin_ = end_ = 0;
    }
  }
  // Gives the block back. REQUIRES: empty, or the bytes are of no interest.
  void release();

 private:
  BufferPool* pool_;
  std::unique_ptr<char[]> block_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace fairlead::io
