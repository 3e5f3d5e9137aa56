#include "userspace-proxy/io/task.h"

#include "userspace-proxy/io/loop.h"
#include "userspace-proxy/io/wait.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fairlead::io {
namespace {

Task<int> give(int value) { co_return value; }

Task<int> sum(int depth) {
  if (depth == 0) {
    co_return 0;
  }
  const int rest = co_await sum(depth - 1);
  co_return rest + 1;
}

Task<void> collect(std::vector<int>& into) {
  const int one = co_await give(1);
  into.push_back(one);
  const int two = co_await give(2);
  into.push_back(two);
}

TEST(Task, runs_when_spawned_and_passes_results_up) {
  std::vector<int> seen;
  spawn(collect(seen));
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

Task<void> deep(int& result) { result = co_await sum(100'000); }

TEST(Task, returns_through_many_tasks_without_growing_the_stack) {
#if !defined(__OPTIMIZE__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "symmetric transfer is a tail call in optimised builds only";
#endif
  // The way down is ordinary resumption through await_suspend, the way up symmetric transfer.
  int result = 0;
  spawn(deep(result));
  EXPECT_EQ(result, 100'000);
}

Task<void> taking_turns(Loop& loop, std::string& trace, char name) {
  for (int i = 0; i < 3; ++i) {
    trace += name;
    Yield yield(loop);
    co_await yield;
  }
}

TEST(Yield, lets_other_tasks_of_the_loop_have_their_turn) {
  auto loop = Loop::create();
  ASSERT_TRUE(loop);
  std::string trace;
  spawn(taking_turns(**loop, trace, 'a'));
  spawn(taking_turns(**loop, trace, 'b'));
  for (int i = 0; i < 3; ++i) {
    (*loop)->turn();
  }
  EXPECT_EQ(trace, "ababab");
}

struct Counted {
  explicit Counted(int& in) : alive(in) { ++alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --alive; }
  int& alive;
};

Task<void> holds(int& alive, Loop& loop) {
  const Counted counted(alive);
  Yield yield(loop);
  co_await yield;
}

TEST(Task, frees_its_frame_and_locals_at_its_end) {
  auto loop = Loop::create();
  ASSERT_TRUE(loop);
  int alive = 0;
  for (int i = 0; i < 100; ++i) {
    spawn(holds(alive, **loop));
  }
  EXPECT_EQ(alive, 100);
  (*loop)->turn();
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace fairlead::io
