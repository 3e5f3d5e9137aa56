#include "userspace-proxy/upstream/pool.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::upstream {
namespace {

class PoolTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = io::Loop::create();
    ASSERT_TRUE(created);
    loop_ = std::move(*created);
    pool_ = std::make_unique<Pool>(*loop_);
  }

  static Key key(uint64_t netns, std::string_view client) {
    return {.netns = netns,
            .endpoint = {*IpAddress::parse("10.0.0.2"), 80},
            .client = *IpAddress::parse(client),
            .identity = 1,
            .served_by = 1};
  }

  // A connection that was read to the end of its last answer; its other end goes to `peer`.
  std::unique_ptr<Connection> connection(const Key& to, Fd& peer) {
    std::array<int, 2> fds{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    peer = Fd(fds[1]);
    auto made = std::make_unique<Connection>(*loop_, Fd(fds[0]), buffers_, to);
    EXPECT_TRUE(made->socket.start());
    loop_->turn();
    std::array<char, 8> bytes{};
    EXPECT_EQ(made->socket.read(bytes).outcome, io::Transfer::Outcome::kWouldBlock);
    return made;
  }

  std::unique_ptr<io::Loop> loop_;
  io::BufferPool buffers_;
  std::unique_ptr<Pool> pool_;
};

TEST_F(PoolTest, gives_back_the_connection_used_last_and_marks_it_as_reused) {
  Fd peer_one, peer_two;
  auto one = connection(key(1, "10.0.0.1"), peer_one), two = connection(key(1, "10.0.0.1"), peer_two);
  const Connection* const last = two.get();
  pool_->put(std::move(one));
  pool_->put(std::move(two));
  const auto taken = pool_->take(key(1, "10.0.0.1"));
  EXPECT_EQ(taken.get(), last);
  EXPECT_TRUE(taken->reused);
}

// A read of some KiB may hide more, so the socket stays "readable" behind it.
TEST_F(PoolTest, keeps_a_connection_whose_last_answer_came_in_one_large_read) {
  Fd peer;
  auto made = connection(key(1, "10.0.0.1"), peer);
  const std::string answer(10'000, 'x');
  ASSERT_EQ(send(peer.get(), answer.data(), answer.size(), 0), 10'000);
  loop_->turn();
  std::vector<char> bytes(16'384);
  ASSERT_EQ(made->socket.read(bytes).bytes, answer.size());
  ASSERT_TRUE(made->socket.ready(io::Interest::kRead));
  pool_->put(std::move(made));
  EXPECT_NE(pool_->take(key(1, "10.0.0.1")), nullptr);
}

TEST_F(PoolTest, never_shares_a_connection_between_clients_or_namespaces) {
  Fd peer;
  pool_->put(connection(key(1, "10.0.0.1"), peer));
  EXPECT_EQ(pool_->take(key(1, "10.0.0.9")), nullptr);
  EXPECT_EQ(pool_->take(key(2, "10.0.0.1")), nullptr);
  EXPECT_NE(pool_->take(key(1, "10.0.0.1")), nullptr);
}

TEST_F(PoolTest, a_connection_opened_to_one_proxy_is_not_used_when_the_pod_is_served_by_another) {
  Fd peer;
  pool_->put(connection(key(1, "10.0.0.1"), peer));
  Key other = key(1, "10.0.0.1");
  other.served_by = 2;
  EXPECT_EQ(pool_->take(other), nullptr);
}

TEST_F(PoolTest, forgets_a_connection_that_the_application_closes_while_it_idles) {
  Fd peer;
  pool_->put(connection(key(1, "10.0.0.1"), peer));
  peer.reset();
  loop_->turn();
  EXPECT_EQ(pool_->take(key(1, "10.0.0.1")), nullptr);
}

TEST_F(PoolTest, forgets_a_connection_on_which_the_application_speaks_unasked) {
  Fd peer;
  pool_->put(connection(key(1, "10.0.0.1"), peer));
  ASSERT_EQ(send(peer.get(), "x", 1, 0), 1);
  loop_->turn();
  EXPECT_EQ(pool_->take(key(1, "10.0.0.1")), nullptr);
}

TEST_F(PoolTest, dropping_a_namespace_closes_its_connections_only) {
  Fd peer_one, peer_two;
  pool_->put(connection(key(1, "10.0.0.1"), peer_one));
  pool_->put(connection(key(2, "10.0.0.1"), peer_two));
  pool_->drop(1);
  char byte = 0;
  EXPECT_EQ(recv(peer_one.get(), &byte, 1, 0), 0) << "closed";
  EXPECT_NE(pool_->take(key(2, "10.0.0.1")), nullptr);
}

TEST_F(PoolTest, keeps_a_bounded_number_per_key) {
  std::vector<Fd> peers(Pool::kMaxIdlePerKey + 3);
  for (Fd& peer : peers) {
    pool_->put(connection(key(1, "10.0.0.1"), peer));
  }
  size_t count = 0;
  while (pool_->take(key(1, "10.0.0.1")) != nullptr) {
    ++count;
  }
  EXPECT_EQ(count, Pool::kMaxIdlePerKey);
}

TEST_F(PoolTest, does_not_keep_the_first_connections_that_teach_how_an_application_uses_its_sockets) {
  const Key to = key(1, "10.0.0.1");
  for (int i = 0; i <= Pool::kMostWatched; ++i) {
    Fd peer;
    auto made = connection(to, peer);
    made->watched = true;
    pool_->put(std::move(made));
    EXPECT_EQ(pool_->take(to) != nullptr, i == Pool::kMostWatched) << i;
  }
}

TEST_F(PoolTest, does_not_give_a_connection_from_before_a_pod_was_accelerated) {
  Fd peer;
  Key to = key(1, "10.0.0.1");
  pool_->put(connection(to, peer));
  to.accelerated = true;
  EXPECT_EQ(pool_->take(to), nullptr);
}

}  // namespace
}  // namespace fairlead::upstream
