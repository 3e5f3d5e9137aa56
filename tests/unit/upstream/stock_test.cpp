#include "userspace-proxy/upstream/stock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <memory>
#include <optional>
#include <vector>

namespace fairlead::upstream {
namespace {

struct RecordingSource final : SocketSource {
  bool want_sockets(const Wish& wish) override {
    asked.push_back(wish);
    return there;
  }
  std::vector<Wish> asked;
  bool there = true;
};

std::vector<Fd> some(int count) {
  std::vector<Fd> fds;
  for (int i = 0; i < count; ++i) {
    fds.emplace_back(eventfd(0, EFD_CLOEXEC));
  }
  return fds;
}

io::Task<void> take(Stock& stock, uint64_t netns, uint64_t deadline, std::optional<bool>& got) {
  const Fd fd = co_await stock.take(netns, AF_INET, deadline);
  got = fd.valid();
}

class StockTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = io::Loop::create();
    ASSERT_TRUE(created);
    loop_ = std::move(*created);
    stock_ = std::make_unique<Stock>(*loop_, source_);
  }
  uint64_t later() { return loop_->now_ns() + 10'000'000'000; }

  std::unique_ptr<io::Loop> loop_;
  RecordingSource source_;
  std::unique_ptr<Stock> stock_;
};

TEST_F(StockTest, asks_for_nothing_before_the_first_use) { EXPECT_TRUE(source_.asked.empty()); }

TEST_F(StockTest, the_first_use_waits_for_a_batch_and_gets_one_of_it) {
  std::optional<bool> got;
  io::spawn(take(*stock_, 7, later(), got));
  ASSERT_EQ(source_.asked.size(), 1u);
  EXPECT_EQ(source_.asked[0].netns, 7u);
  EXPECT_EQ(source_.asked[0].count, Stock::kFirstBatch);
  EXPECT_FALSE(got);
  stock_->add(7, AF_INET, some(4));
  EXPECT_EQ(got, true);
}

TEST_F(StockTest, asks_again_when_half_is_used_and_only_once_until_it_is_answered) {
  std::optional<bool> got;
  io::spawn(take(*stock_, 7, later(), got));
  stock_->add(7, AF_INET, some(16));
  const uint32_t batch = source_.asked[0].count;
  source_.asked.clear();
  int taken = 0;
  while (source_.asked.empty() && taken < 20) {
    got.reset();
    io::spawn(take(*stock_, 7, later(), got));
    ASSERT_EQ(got, true);
    ++taken;
  }
  EXPECT_EQ(taken, static_cast<int>(15 - batch / 2));
  io::spawn(take(*stock_, 7, later(), got));
  EXPECT_EQ(source_.asked.size(), 1u);
}

TEST_F(StockTest, batches_grow_while_somebody_has_to_wait_up_to_the_limit) {
  std::optional<bool> got;
  for (int i = 0; i < 10; ++i) {
    io::spawn(take(*stock_, 7, later(), got));
    stock_->add(7, AF_INET, some(1));
  }
  EXPECT_EQ(source_.asked.back().count, Stock::kLargestBatch);
}

TEST_F(StockTest, reports_once_how_many_had_to_wait) {
  std::optional<bool> one, two, three;
  io::spawn(take(*stock_, 7, later(), one));
  io::spawn(take(*stock_, 7, later(), two));  // while the first wish is under way
  stock_->add(7, AF_INET, some(1));
  EXPECT_EQ(source_.asked.back().waited, 1u);
  stock_->add(7, AF_INET, some(1));
  io::spawn(take(*stock_, 7, later(), three));
  ASSERT_EQ(source_.asked.size(), 3u);
  EXPECT_EQ(source_.asked[0].waited + source_.asked[1].waited + source_.asked[2].waited, 3u);
  stock_->refused(7, AF_INET);
}

TEST_F(StockTest, who_waits_goes_away_empty_handed_when_refused) {
  std::optional<bool> one, two;
  io::spawn(take(*stock_, 7, later(), one));
  io::spawn(take(*stock_, 7, later(), two));
  stock_->refused(7, AF_INET);
  EXPECT_EQ(one, false);
  EXPECT_EQ(two, false);
}

TEST_F(StockTest, who_waits_goes_away_at_the_deadline) {
  std::optional<bool> got;
  io::spawn(take(*stock_, 7, loop_->now_ns() + 30'000'000, got));
  for (int i = 0; i < 50 && !got; ++i) {
    loop_->turn();
  }
  EXPECT_EQ(got, false);
  stock_->add(7, AF_INET, some(1));  // too late for that one: kept for the next
  got.reset();
  io::spawn(take(*stock_, 7, later(), got));
  EXPECT_EQ(got, true);
}

TEST_F(StockTest, closes_what_nobody_has_used_for_a_while_and_begins_small_again) {
  Stock stock(*loop_, source_, 60'000'000);
  std::optional<bool> got;
  io::spawn(take(stock, 7, later(), got));
  io::spawn(take(stock, 7, later(), got));
  auto fds = some(3);
  const int spare = fds[0].get();
  stock.add(7, AF_INET, std::move(fds));
  EXPECT_NE(fcntl(spare, F_GETFD), -1);
  for (int i = 0; i < 100 && fcntl(spare, F_GETFD) != -1; ++i) {
    loop_->turn();
  }
  EXPECT_EQ(fcntl(spare, F_GETFD), -1);
  got.reset();
  io::spawn(take(stock, 7, later(), got));
  EXPECT_FALSE(got);
  EXPECT_EQ(source_.asked.back().count, Stock::kFirstBatch);
  stock.refused(7, AF_INET);
}

TEST_F(StockTest, keeps_what_is_used_now_and_then) {
  constexpr uint64_t kIdle = 400'000'000;
  Stock stock(*loop_, source_, kIdle);
  std::optional<bool> got;
  io::spawn(take(stock, 7, later(), got));
  auto fds = some(20);
  const int spare = fds[0].get();
  stock.add(7, AF_INET, std::move(fds));
  const uint64_t until = loop_->now_ns() + 2 * kIdle;
  // Something that wakes the loop more often than the sweep.
  struct Ticks final : io::Timer {
    explicit Ticks(io::Loop& of) : loop(of) {}
    void on_timer() override { loop.arm(*this, loop.now_ns() + 20'000'000); }
    io::Loop& loop;
  } ticks(*loop_);
  loop_->arm(ticks, loop_->now_ns());
  uint64_t last = loop_->now_ns(), longest = 0;
  int taken = 0;
  while (loop_->now_ns() < until) {
    loop_->turn();
    if (loop_->now_ns() - last > kIdle / 4 && taken < 15) {
      longest = std::max(longest, loop_->now_ns() - last);
      last = loop_->now_ns();
      ++taken;
      io::spawn(take(stock, 7, later(), got));
    }
  }
  if (longest < kIdle) {  // else this machine stood still for so long that closing was right
    EXPECT_NE(fcntl(spare, F_GETFD), -1);
  }
}

TEST_F(StockTest, dropping_a_namespace_closes_its_sockets_and_leaves_others_alone) {
  std::optional<bool> got;
  io::spawn(take(*stock_, 7, later(), got));
  io::spawn(take(*stock_, 8, later(), got));
  auto fds = some(3);
  const int kept = fds[0].get();
  stock_->add(7, AF_INET, std::move(fds));
  stock_->add(8, AF_INET, some(3));
  stock_->drop(7);
  EXPECT_EQ(fcntl(kept, F_GETFD), -1);
  got.reset();
  io::spawn(take(*stock_, 8, later(), got));
  EXPECT_EQ(got, true);
}

TEST_F(StockTest, while_there_is_nobody_to_ask_who_needs_a_socket_waits_for_the_next) {
  source_.there = false;
  std::optional<bool> got;
  io::spawn(take(*stock_, 7, later(), got));
  EXPECT_FALSE(got);
  source_.there = true;
  source_.asked.clear();
  stock_->ask_again();
  ASSERT_EQ(source_.asked.size(), 1u);
  EXPECT_EQ(source_.asked[0].netns, 7u);
  EXPECT_EQ(source_.asked[0].waited, 1u) << "that it waited is told to whoever hears it";
  stock_->add(7, AF_INET, some(4));
  EXPECT_EQ(got, true);
}

TEST_F(StockTest, an_answer_that_went_down_with_who_was_asked_is_asked_for_again) {
  std::optional<bool> got;
  io::spawn(take(*stock_, 7, later(), got));
  ASSERT_EQ(source_.asked.size(), 1u);
  stock_->ask_again();
  ASSERT_EQ(source_.asked.size(), 2u);
  EXPECT_EQ(source_.asked[1].waited, 0u) << "told once";
  stock_->add(7, AF_INET, some(4));
  stock_->ask_again();
  EXPECT_EQ(source_.asked.size(), 2u) << "nothing is wanted any more";
}

}  // namespace
}  // namespace fairlead::upstream
