#include "userspace-proxy/io/socket.h"

#include "userspace-proxy/io/task.h"
#include "userspace-proxy/io/wait.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>

namespace fairlead::io {
namespace {

class SocketTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = Loop::create();
    ASSERT_TRUE(created);
    loop_ = std::move(*created);
    std::array<int, 2> fds{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    ours_ = std::make_unique<Socket>(*loop_, Fd(fds[0]));
    peer_ = Fd(fds[1]);
    ASSERT_TRUE(ours_->start());
    loop_->turn();
  }

  // Reads until there is nothing, so that the latch is down.
  void drain() {
    std::array<char, 256> bytes{};
    while (ours_->read(bytes).outcome == Transfer::Outcome::kBytes) {
    }
  }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Socket> ours_;
  Fd peer_;
};

Task<void> read_once(Socket& socket, uint64_t deadline_ns, std::string& got, Wake& wake) {
  Wait wait(socket.loop());
  wait.on(socket, Interest::kRead).until(deadline_ns);
  wake = co_await wait;
  std::array<char, 64> bytes{};
  const Transfer transfer = socket.read(bytes);
  got.assign(bytes.data(), transfer.bytes);
}

TEST_F(SocketTest, a_waiting_task_goes_on_when_bytes_arrive) {
  drain();
  std::string got;
  Wake wake = Wake::kTimeout;
  spawn(read_once(*ours_, 0, got, wake));
  EXPECT_EQ(got, "");
  ASSERT_EQ(send(peer_.get(), "hello", 5, 0), 5);
  loop_->turn();
  EXPECT_EQ(wake, Wake::kReady);
  EXPECT_EQ(got, "hello");
}

TEST_F(SocketTest, a_short_read_still_learns_of_what_arrives_later_and_of_the_end) {
  drain();
  ASSERT_EQ(send(peer_.get(), "a", 1, 0), 1);
  loop_->turn();
  std::array<char, 64> bytes{};
  EXPECT_EQ(ours_->read(bytes).bytes, 1u);
  EXPECT_FALSE(ours_->ready(Interest::kRead));
  ASSERT_EQ(send(peer_.get(), "b", 1, 0), 1);
  shutdown(peer_.get(), SHUT_WR);
  loop_->turn();
  ASSERT_TRUE(ours_->ready(Interest::kRead));
  EXPECT_EQ(ours_->read(bytes).bytes, 1u);
  // The end was told with those bytes: the latch must not have gone down with the short read.
  ASSERT_TRUE(ours_->ready(Interest::kRead));
  EXPECT_EQ(ours_->read(bytes).outcome, Transfer::Outcome::kEnd);
}

TEST_F(SocketTest, a_wait_ends_at_its_deadline) {
  drain();
  std::string got;
  Wake wake = Wake::kReady;
  spawn(read_once(*ours_, loop_->now_ns() + 30'000'000, got, wake));
  for (int i = 0; i < 50 && wake == Wake::kReady; ++i) {
    loop_->turn();
  }
  EXPECT_EQ(wake, Wake::kTimeout);
}

TEST_F(SocketTest, cancel_wakes_the_waiting_task) {
  drain();
  std::string got;
  Wake wake = Wake::kReady;
  spawn(read_once(*ours_, 0, got, wake));
  ours_->cancel();
  EXPECT_EQ(wake, Wake::kCancelled);
}

TEST_F(SocketTest, a_full_socket_is_not_writable_until_the_peer_reads) {
  const std::string block(64 * 1024, 'x');
  Transfer transfer;
  while ((transfer = ours_->write(std::span<const char>(block))).outcome == Transfer::Outcome::kBytes) {
  }
  EXPECT_EQ(transfer.outcome, Transfer::Outcome::kWouldBlock);
  EXPECT_FALSE(ours_->ready(Interest::kWrite));
  std::string sink(1 << 20, '\0');
  while (recv(peer_.get(), sink.data(), sink.size(), 0) > 0) {
  }
  loop_->turn();
  EXPECT_TRUE(ours_->ready(Interest::kWrite));
}

Task<void> wait_for_either(Socket& one, Socket& other, int& woken) {
  Wait wait(one.loop());
  wait.on(one, Interest::kRead).on(other, Interest::kRead);
  const Wake wake = co_await wait;
  woken += wake == Wake::kReady ? 1 : 100;
}

TEST_F(SocketTest, waiting_for_two_sockets_wakes_once) {
  std::array<int, 2> fds{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
  Socket second(*loop_, Fd(fds[0]));
  const Fd second_peer(fds[1]);
  ASSERT_TRUE(second.start());
  loop_->turn();
  drain();
  std::array<char, 8> bytes{};
  EXPECT_EQ(second.read(bytes).outcome, Transfer::Outcome::kWouldBlock);
  int woken = 0;
  spawn(wait_for_either(*ours_, second, woken));
  ASSERT_EQ(send(peer_.get(), "1", 1, 0), 1);
  ASSERT_EQ(send(second_peer.get(), "2", 1, 0), 1);
  loop_->turn();
  EXPECT_EQ(woken, 1);
}

TEST_F(SocketTest, a_socket_destroyed_in_the_turn_of_its_event_is_not_called) {
  struct Destroyer final : Source {
    explicit Destroyer(std::unique_ptr<Socket>& what) : victim(what) {}
    void on_events(uint32_t) override { victim.reset(); }
    std::unique_ptr<Socket>& victim;
  };
  std::array<int, 2> fds{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
  const Fd trigger(fds[0]), trigger_peer(fds[1]);
  Destroyer destroyer(ours_);
  ASSERT_TRUE(loop_->add(trigger.get(), EPOLLIN | EPOLLET, destroyer));
  ASSERT_EQ(send(trigger_peer.get(), "x", 1, 0), 1);
  ASSERT_EQ(send(peer_.get(), "y", 1, 0), 1);
  loop_->turn();  // both events may be in one batch, in either order
  EXPECT_EQ(ours_, nullptr);
  loop_->remove(trigger.get(), destroyer);
}

// What was redirected comes first, what went over TCP behind it, and only one edge may tell of both.
TEST_F(SocketTest, a_short_read_behind_a_full_one_is_not_taken_for_the_end_of_what_there_is) {
  drain();
  ASSERT_EQ(send(peer_.get(), "0123456789", 10, 0), 10);
  loop_->turn();
  std::array<char, 8> bytes{};
  EXPECT_EQ(ours_->read(bytes).bytes, 8U);
  EXPECT_EQ(ours_->read(bytes).bytes, 2U);
  EXPECT_TRUE(ours_->ready(Interest::kRead));
  EXPECT_EQ(ours_->read(bytes).outcome, Transfer::Outcome::kWouldBlock);
  EXPECT_FALSE(ours_->ready(Interest::kRead));
  ASSERT_EQ(send(peer_.get(), "ab", 2, 0), 2);
  loop_->turn();
  EXPECT_EQ(ours_->read(bytes).bytes, 2U);
  EXPECT_FALSE(ours_->ready(Interest::kRead));  // no full read before: nothing more, and no call to find out
}

TEST_F(SocketTest, a_short_read_of_many_bytes_is_not_taken_for_the_end_of_what_there_is) {
  drain();
  const std::string sent(Socket::kMayHideMore, 'x');
  ASSERT_EQ(send(peer_.get(), sent.data(), sent.size(), 0), static_cast<ssize_t>(sent.size()));
  loop_->turn();
  std::array<char, 2 * Socket::kMayHideMore> bytes{};
  EXPECT_EQ(ours_->read(bytes).bytes, sent.size());
  EXPECT_TRUE(ours_->ready(Interest::kRead));
}

}  // namespace
}  // namespace fairlead::io
