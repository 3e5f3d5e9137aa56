#include "userspace-proxy/io/buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace fairlead::io {
namespace {

TEST(Buffer, gives_back_what_was_filled_in_whatever_pieces_it_is_used) {
  std::mt19937 random(3);
  BufferPool pool;
  Buffer buffer(pool);
  std::string expected, taken;
  char next = 'a';
  for (int step = 0; step < 20'000; ++step) {
    const auto space = buffer.fill_space(64 * 1024);
    const size_t fill = std::min<size_t>(space.size(), random() % 3000);
    for (size_t i = 0; i < fill; ++i) {
      space[i] = next;
      expected += next;
      next = next == 'z' ? 'a' : static_cast<char>(next + 1);
    }
    buffer.filled(fill);
    const size_t use = buffer.empty() ? 0 : random() % (buffer.size() + 1);
    taken += buffer.bytes().substr(0, use);
    buffer.consume(use);
  }
  taken += buffer.bytes();
  EXPECT_EQ(taken, expected);
}

TEST(Buffer, grows_to_its_limit_and_then_offers_no_room) {
  BufferPool pool;
  Buffer buffer(pool);
  size_t total = 0;
  for (auto space = buffer.fill_space(64 * 1024); !space.empty(); space = buffer.fill_space(64 * 1024)) {
    std::memset(space.data(), 'x', space.size());
    buffer.filled(space.size());
    total += space.size();
  }
  EXPECT_EQ(total, 64u * 1024);
}

TEST(Buffer, holds_no_block_after_release) {
  BufferPool pool;
  Buffer first(pool), second(pool);
  const char* const block = first.fill_space().data();
  first.release();
  EXPECT_EQ(second.fill_space().data(), block) << "the block went back to the pool and is used again";
}

}  // namespace
}  // namespace fairlead::io
