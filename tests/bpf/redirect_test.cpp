// What a stream is when its bytes change between TCP and the other end's queue: the same bytes, in order, held back
// where the reader is slow, and ended as TCP ends it.
#include "tests/bpf/fast_pair.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

namespace fairlead::test {
namespace {

using RedirectTest = FastTest;

constexpr size_t kMib = 1024 * 1024;

// Writes of random sizes; the seed makes them repeatable.
bool send_in_pieces(const Fd& socket, std::string_view bytes, size_t largest, uint32_t seed) {
  std::mt19937 random(seed);
  while (!bytes.empty()) {
    const size_t piece = std::min<size_t>(bytes.size(), 1 + random() % largest);
    if (!send_all(socket, bytes.substr(0, piece))) {
      return false;
    }
    bytes.remove_prefix(piece);
  }
  return true;
}

TEST_F(RedirectTest, BytesThatTcpStillHoldsAreReadBeforeRedirectedOnes) {
  be_watched();
  turn(true);
  const Pair pair = connect_pair();
  turn(false);
  EXPECT_TRUE(send_all(pair.client, "first "));
  turn(true);
  EXPECT_TRUE(send_all(pair.client, "second "));  // unread bytes lie in the other end's TCP queue
  EXPECT_EQ(redirected_from(pair.client), 0U);
  EXPECT_EQ(receive(pair.server, 13), "first second ");
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(send_all(pair.client, "third"));
    return receive(pair.server, 5) == "third" && is_redirected(pair.client);
  }));
}

TEST_F(RedirectTest, AReaderThatSleepsHoldsItsSenderBackBelowFourMebibytes) {
  const Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  EXPECT_TRUE(is_redirected(pair.client));
  const std::string bytes = pattern(64 * 1024);
  std::string sent;
  while (sent.size() < 64 * kMib) {
    const ssize_t n = send(pair.client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) {
      ASSERT_EQ(errno, EAGAIN) << strerror(errno);
      if (pollfd wait{.fd = pair.client.get(), .events = POLLOUT, .revents = 0}; poll(&wait, 1, 500) == 0) {
        break;
      }
      continue;
    }
    sent.append(bytes, 0, static_cast<size_t>(n));
  }
  EXPECT_LE(sent.size(), 4 * kMib);
  EXPECT_GT(sent.size(), redirected_from(pair.client));  // the rest is TCP's
  EXPECT_EQ(receive(pair.server, sent.size()), sent);
  EXPECT_TRUE(eventually([&] { return round_trip(pair) && is_redirected(pair.client); }));
}

TEST_F(RedirectTest, TheSwitchMayBeTurnedMeanwhileAndEveryByteArrivesInOrder) {
  for (uint32_t seed = 1; seed <= 4; seed++) {
    const Pair pair = fast_pair();
    const std::string up = pattern(8 * kMib, seed), down = pattern(6 * kMib, seed + 100);
    std::atomic<bool> done = false;
    uint64_t redirected = 0;  // as long as a leg is there to tell
    std::thread turning([&] {
      for (bool on = false; !done; on = !on) {
        turn(on);
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        redirected = std::max(redirected, redirected_from(pair.client) + redirected_from(pair.server));
      }
    });
    std::thread writing_up([&] {
      EXPECT_TRUE(send_in_pieces(pair.client, up, 30'000, seed));
      shutdown(pair.client.get(), SHUT_WR);
    });
    std::thread writing_down([&] {
      EXPECT_TRUE(send_in_pieces(pair.server, down, 3'000, seed));
      shutdown(pair.server.get(), SHUT_WR);
    });
    std::string got_down;
    std::thread reading_down([&] { got_down = receive_rest(pair.client); });
    EXPECT_EQ(receive_rest(pair.server), up) << "seed " << seed;
    reading_down.join();
    EXPECT_EQ(got_down, down) << "seed " << seed;
    writing_up.join();
    writing_down.join();
    done = true;
    turning.join();
    turn(true);
    EXPECT_NE(redirected, 0U);
  }
}

TEST_F(RedirectTest, WhatWasSentBeforeOneEndClosedIsReadBeforeTheEnd) {
  Pair pair = fast_pair();
  const std::string bytes = pattern(100'000);
  EXPECT_TRUE(round_trip(pair));
  EXPECT_TRUE(send_all(pair.client, bytes));
  EXPECT_TRUE(is_redirected(pair.client));
  pair.client.reset();
  EXPECT_EQ(receive_rest(pair.server), bytes);
}

TEST_F(RedirectTest, AfterAHalfCloseTheAnswerStillArrivesAlsoWhenItsSenderHasGone) {
  Pair pair = fast_pair();
  const std::string bytes = pattern(100'000);
  EXPECT_TRUE(round_trip(pair));
  EXPECT_TRUE(send_all(pair.client, "question"));
  shutdown(pair.client.get(), SHUT_WR);
  EXPECT_EQ(receive_rest(pair.server), "question");
  EXPECT_TRUE(send_all(pair.server, bytes));
  EXPECT_TRUE(is_redirected(pair.server));
  pair.server.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // its end has arrived: the client's TCP is over
  EXPECT_EQ(receive_rest(pair.client), bytes);
}

TEST_F(RedirectTest, ASendAfterOnesOwnShutdownFailsAsItDoesOverTcp) {
  const Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  shutdown(pair.client.get(), SHUT_WR);
  EXPECT_EQ(send(pair.client.get(), "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, EPIPE);
  EXPECT_EQ(receive_rest(pair.server), "");
}

TEST_F(RedirectTest, AResetReachesTheOtherEnd) {
  Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  const linger abort{.l_onoff = 1, .l_linger = 0};
  setsockopt(pair.client.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  pair.client.reset();
  EXPECT_TRUE(becomes(pair.server, POLLIN));
  char byte = 0;
  EXPECT_EQ(recv(pair.server.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(RedirectTest, PeekingLeavesTheBytes) {
  const Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  EXPECT_TRUE(send_all(pair.client, "peek"));
  EXPECT_TRUE(is_redirected(pair.client));
  char bytes[8];
  EXPECT_EQ(recv(pair.server.get(), bytes, sizeof bytes, MSG_PEEK), 4);
  EXPECT_EQ(receive(pair.server, 4), "peek");
}

TEST_F(RedirectTest, SendfileToAMemberArrivesWhole) {
  const Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  const std::string bytes = pattern(3 * kMib);
  const Fd file(open("/tmp", O_TMPFILE | O_RDWR, 0600));
  ASSERT_EQ(write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  std::thread sending([&] {
    for (off_t at = 0; at < static_cast<off_t>(bytes.size());) {
      if (sendfile(pair.client.get(), file.get(), &at, bytes.size() - static_cast<size_t>(at)) < 0) {
        ASSERT_EQ(errno, EAGAIN);
        ASSERT_TRUE(becomes(pair.client, POLLOUT));
      }
    }
  });
  EXPECT_EQ(receive(pair.server, bytes.size()), bytes);
  sending.join();
  EXPECT_NE(redirected_from(pair.client), 0U);
}

// As epoll(7) allows it, and nginx does: a read that gets less than it asked for has emptied the socket, the next
// arrival is a new event.
size_t read_edge_triggered(const Fd& socket, size_t expected) {
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
  epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event);
  std::string space(20'000, '\0');
  size_t got = 0;
  while (got < expected && epoll_wait(epoll.get(), &event, 1, 3000) == 1) {
    for (ssize_t n; (n = recv(socket.get(), space.data(), space.size(), 0)) > 0;) {
      got += static_cast<size_t>(n);
      if (n < static_cast<ssize_t>(space.size())) {
        break;
      }
    }
  }
  return got;
}

TEST_F(RedirectTest, AnEdgeTriggeredReaderThatTrustsShortReadsGetsEverythingWhileTheSwitchIsTurned) {
  const Pair pair = fast_pair();
  const std::string bytes = pattern(4 * kMib);
  std::atomic<bool> done = false;
  std::thread turning([&] {
    for (bool on = false; !done; on = !on) {
      turn(on);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  std::thread sending([&] { EXPECT_TRUE(send_in_pieces(pair.client, bytes, 9'000, 5)); });
  EXPECT_EQ(read_edge_triggered(pair.server, bytes.size()), bytes.size());
  sending.join();
  done = true;
  turning.join();
}

TEST_F(RedirectTest, ManySmallMessagesAreNotTakenForAFullQueueAsLongAsTheyAreRead) {
  const Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  const std::string bytes = pattern(100'000);
  std::thread sending([&] { EXPECT_TRUE(send_in_pieces(pair.client, bytes, 9, 7)); });
  EXPECT_EQ(read_edge_triggered(pair.server, bytes.size()), bytes.size());
  sending.join();
}

// Each takes a kibibyte of the kernel's memory that no counter of the socket has.
TEST_F(RedirectTest, ManySmallMessagesThatNobodyReadsGoOverTcp) {
  const Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  const std::string bytes = pattern(30'000);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    ASSERT_TRUE(send_all(pair.client, std::string_view(bytes).substr(at, 3)));
  }
  EXPECT_LE(redirected_from(pair.client), 3 * 2049U + 4);
  EXPECT_EQ(receive(pair.server, bytes.size()), bytes);
}

// Beyond its limit the rest goes over TCP while redirected bytes are unread. The kernel counts those against the
// receive buffer, drops the segments, and sends them again when the queue was read: an edge of their own.
TEST_F(RedirectTest, AnEdgeTriggeredReaderThatTrustsShortReadsMissesNothingBehindAFullQueue) {
  const Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair));
  size_t sent = 0;
  const std::string bytes = pattern(60'000);
  while (redirected_from(pair.client) == sent + 4) {
    ASSERT_TRUE(send_all(pair.client, bytes));
    sent += bytes.size();
  }
  EXPECT_FALSE(is_redirected(pair.client));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // what will come by itself has come
  EXPECT_EQ(read_edge_triggered(pair.server, sent), sent);
}

TEST_F(RedirectTest, TheBytesOfBothDirectionsAreKnownUntilTheLastEndCloses) {
  Pair pair = fast_pair();
  EXPECT_TRUE(round_trip(pair, pattern(2000)));
  EXPECT_TRUE(send_all(pair.server, pattern(500)));
  EXPECT_EQ(receive(pair.client, 500).size(), 500U);
  EXPECT_EQ(redirected_from(pair.client), 2000U);
  EXPECT_EQ(redirected_from(pair.server), 2500U);
  pair.client.reset();
  EXPECT_TRUE(eventually([&] {
    const auto leg = leg_of(pair.server);
    return leg && leg->peer == 0 && leg->peer_sent == 2000;
  }));
}

}  // namespace
}  // namespace fairlead::test
