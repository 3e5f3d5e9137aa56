#include "userspace-proxy/proxy/byte_pump.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>

namespace fairlead::proxy {
namespace {

constexpr uint64_t kHour = 3'600'000'000'000;

// Client and server ends in the test's hands, the pump between them.
class BytePumpTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = io::Loop::create();
    ASSERT_TRUE(created);
    loop_ = std::move(*created);
    std::array<int, 2> fds{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    client_ = Fd(fds[0]);
    client_side_ = std::make_unique<io::Socket>(*loop_, Fd(fds[1]));
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    server_ = Fd(fds[0]);
    server_side_ = std::make_unique<io::Socket>(*loop_, Fd(fds[1]));
    ASSERT_TRUE(client_side_->start());
    ASSERT_TRUE(server_side_->start());
  }

  // A pump that a test left at work ends here: frames that wait for ever would be leaks.
  void TearDown() override {
    if (client_side_ != nullptr) {
      client_side_->cancel();
    }
    EXPECT_TRUE(ended_);
  }

  void start(uint64_t idle_ns = kHour) { io::spawn(run(idle_ns)); }
  io::Task<void> run(uint64_t idle_ns) {
    const Reason reason =
        co_await pump_bytes({*client_side_, client_in_}, {*server_side_, server_in_}, idle_ns, counts_);
    ended_ = reason;
    client_side_.reset();
    server_side_.reset();
  }

  static std::string read_all(const Fd& fd) {
    std::string all(1 << 16, '\0');
    const ssize_t n = recv(fd.get(), all.data(), all.size(), 0);
    all.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return all;
  }

  std::unique_ptr<io::Loop> loop_;
  io::BufferPool buffers_;
  io::Buffer client_in_{buffers_}, server_in_{buffers_};
  std::unique_ptr<io::Socket> client_side_, server_side_;
  Fd client_, server_;
  ByteCounts counts_;
  std::optional<Reason> ended_;
};

TEST_F(BytePumpTest, every_byte_arrives_in_order_both_ways_under_random_sizes) {
  start();
  std::mt19937 random(11);
  std::string to_server, to_client, at_server, at_client;
  size_t sent_to_server = 0, sent_to_client = 0;
  for (int i = 0; i < 400'000; ++i) {
    to_server += static_cast<char>(random());
    to_client += static_cast<char>(random());
  }
  while (at_server.size() < to_server.size() || at_client.size() < to_client.size()) {
    auto push = [&random](const Fd& fd, const std::string& bytes, size_t& sent) {
      const ssize_t n =
          send(fd.get(), bytes.data() + sent, std::min<size_t>(bytes.size() - sent, random() % 40'000), 0);
      sent += n > 0 ? static_cast<size_t>(n) : 0;
    };
    push(client_, to_server, sent_to_server);
    push(server_, to_client, sent_to_client);
    loop_->turn();
    if (random() % 3 != 0) {
      at_server += read_all(server_);
    }
    if (random() % 3 != 0) {
      at_client += read_all(client_);
    }
  }
  EXPECT_EQ(at_server, to_server);
  EXPECT_EQ(at_client, to_client);
  EXPECT_EQ(counts_.from_client, to_server.size());
  EXPECT_EQ(counts_.to_client, to_client.size());
  shutdown(client_.get(), SHUT_WR);
  shutdown(server_.get(), SHUT_WR);
  for (int i = 0; i < 10 && !ended_; ++i) {
    loop_->turn();
  }
  EXPECT_EQ(ended_, Reason::TCP_DONE);
}

TEST_F(BytePumpTest, half_close_is_passed_on_and_the_other_direction_goes_on) {
  start();
  send(client_.get(), "question", 8, 0);
  shutdown(client_.get(), SHUT_WR);
  loop_->turn();
  loop_->turn();
  EXPECT_EQ(read_all(server_), "question");
  char byte = 0;
  EXPECT_EQ(recv(server_.get(), &byte, 1, 0), 0) << "the end arrives";
  EXPECT_FALSE(ended_);
  send(server_.get(), "answer", 6, 0);
  loop_->turn();
  EXPECT_EQ(read_all(client_), "answer");
  server_.reset();
  for (int i = 0; i < 10 && !ended_; ++i) {
    loop_->turn();
  }
  EXPECT_EQ(ended_, Reason::TCP_DONE);
}

TEST_F(BytePumpTest, a_reader_that_stops_makes_the_sender_stop) {
  start();
  const std::string block(1 << 16, 'x');
  size_t accepted = 0;
  for (int quiet = 0; quiet < 5;) {
    const ssize_t n = send(client_.get(), block.data(), block.size(), 0);
    quiet = n > 0 ? 0 : quiet + 1;
    accepted += n > 0 ? static_cast<size_t>(n) : 0;
    // The loop gets something to wake up for: what the server says reaches the client all the same.
    send(server_.get(), "w", 1, 0);
    loop_->turn();
    ASSERT_LT(accepted, 8u << 20) << "nobody reads: memory must not grow";
  }
  EXPECT_GT(accepted, 0u);
}

TEST_F(BytePumpTest, ends_when_nothing_moves_for_too_long) {
  start(30'000'000);
  for (int i = 0; i < 50 && !ended_; ++i) {
    loop_->turn();
  }
  EXPECT_EQ(ended_, Reason::IDLE_TIMEOUT);
}

TEST_F(BytePumpTest, a_cancelled_socket_ends_the_connection) {
  start();
  loop_->turn();
  client_side_->cancel();
  EXPECT_EQ(ended_, Reason::DRAINED);
}

}  // namespace
}  // namespace fairlead::proxy
