#include "userspace-proxy/io/buffer.h"

#include <algorithm>

namespace fairlead::io {

std::unique_ptr<char[]> BufferPool::take() {
  if (free_.empty()) {
    return std::make_unique_for_overwrite<char[]>(kBlock);
  }
  auto block = std::move(free_.back());
  free_.pop_back();
  return block;
}

void BufferPool::give_back(std::unique_ptr<char[]> block) {
  if (free_.size() < kKeep) {
    free_.push_back(std::move(block));
  }
}

std::span<char> Buffer::fill_space() { return fill_space(BufferPool::kBlock); }

std::span<char> Buffer::fill_space(size_t capacity) {
  if (!block_) {
    block_ = pool_->take();
    capacity_ = BufferPool::kBlock;
    begin_ = end_ = 0;
  }
  if (end_ == capacity_ && begin_ > 0) {
    std::memmove(block_.get(), block_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == capacity_ && capacity_ < capacity) {
    const size_t larger = std::min(capacity, capacity_ * 4);
    auto block = std::make_unique_for_overwrite<char[]>(larger);
    std::memcpy(block.get(), block_.get() + begin_, size());
    if (capacity_ == BufferPool::kBlock) {
      pool_->give_back(std::move(block_));
    }
    block_ = std::move(block);
    end_ -= begin_;
    begin_ = 0;
    capacity_ = larger;
  }
  return {block_.get() + end_, capacity_ - end_};
}

void Buffer::release() {
  if (block_ && capacity_ == BufferPool::kBlock) {
    pool_->give_back(std::move(block_));
  }
  block_.reset();
  capacity_ = begin_ = end_ = 0;
}

}  // namespace fairlead::io
