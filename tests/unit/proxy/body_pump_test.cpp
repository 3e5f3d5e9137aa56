#include "userspace-proxy/proxy/body_pump.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <random>
#include <string>

namespace fairlead::proxy {
namespace {

using Kind = http::BodyFraming::Kind;
using Step = BodyPump::Step;

class BodyPumpTest : public testing::Test {
 protected:
  void SetUp() override {
    // Some tests set up anew for each seed: sockets go before their loop.
    source_.reset();
    sink_.reset();
    auto created = io::Loop::create();
    ASSERT_TRUE(created);
    loop_ = std::move(*created);
    std::array<int, 2> fds{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    sender_ = Fd(fds[0]);
    source_ = std::make_unique<io::Socket>(*loop_, Fd(fds[1]));
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    receiver_ = Fd(fds[0]);
    sink_ = std::make_unique<io::Socket>(*loop_, Fd(fds[1]));
    ASSERT_TRUE(source_->start());
    ASSERT_TRUE(sink_->start());
  }

  std::string received() {
    std::string all(1 << 16, '\0');
    const ssize_t n = recv(receiver_.get(), all.data(), all.size(), 0);
    all.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return all;
  }

  // Feeds `wire` in random pieces and reads the sink now and then, until the pump ends.
  Step drive(BodyPump& pump, const std::string& wire, std::string& out, uint32_t seed, bool close_at_end) {
    std::mt19937 random(seed);
    size_t sent = 0;
    Step step = Step::kBusy;
    for (int turn = 0; turn < 1'000'000; ++turn) {
      if (sent < wire.size()) {
        const ssize_t n =
            send(sender_.get(), wire.data() + sent, std::min<size_t>(wire.size() - sent, 1 + random() % 5000), 0);
        sent += n > 0 ? static_cast<size_t>(n) : 0;
      } else if (close_at_end) {
        shutdown(sender_.get(), SHUT_WR);
        close_at_end = false;
      }
      step = pump.advance();
      if (random() % 2 == 0) {
        out += received();
      }
      if (step != Step::kBusy && step != Step::kWantRead && step != Step::kWantWrite) {
        break;
      }
      if (step != Step::kBusy) {
        out += received();
        loop_->turn();
      }
    }
    out += received();
    return step;
  }

  static std::string payload(size_t size, uint32_t seed) {
    std::mt19937 random(seed);
    std::string bytes(size, '\0');
    for (char& c : bytes) {
      c = static_cast<char>(random());
    }
    return bytes;
  }

  // The chunked form of `bytes`, in chunks of random sizes, with extensions.
  static std::string chunked(const std::string& bytes, uint32_t seed) {
    std::mt19937 random(seed);
    std::string wire;
    for (size_t at = 0; at < bytes.size();) {
      const size_t size = std::min<size_t>(bytes.size() - at, 1 + random() % 7000);
      char head[64];
      snprintf(head, sizeof head, random() % 2 ? "%zx;name=value\r\n" : "%zX\r\n", size);
      wire.append(head).append(bytes, at, size).append("\r\n");
      at += size;
    }
    return wire + "0\r\nx-trailer: 1\r\n\r\n";
  }

  static std::string unchunk(std::string_view wire, bool& whole) {
    http::ChunkedReader reader;
    std::string bytes;
    whole = false;
    while (true) {
      const auto step = reader.step(wire);
      bytes += step.payload;
      wire.remove_prefix(step.consumed);
      if (step.progress != http::Progress::kNeedMore || (step.consumed == 0 && step.payload.empty())) {
        whole = step.progress == http::Progress::kDone && wire.empty();
        return bytes;
      }
    }
  }

  std::unique_ptr<io::Loop> loop_;
  io::BufferPool buffers_;
  io::Buffer in_{buffers_};
  std::unique_ptr<io::Socket> source_, sink_;
  Fd sender_, receiver_;
  std::string pending_;
};

TEST_F(BodyPumpTest, a_body_with_a_length_passes_unchanged_behind_the_head_and_leaves_what_follows) {
  const std::string body = payload(300'000, 1);
  pending_ = "HEAD\r\n\r\n";
  BodyPump pump({*source_, in_}, {*sink_, pending_}, {Kind::kLength, body.size()}, false);
  std::string out;
  EXPECT_EQ(drive(pump, body + "GET /next", out, 2, false), Step::kDone);
  EXPECT_EQ(out, "HEAD\r\n\r\n" + body);
  EXPECT_EQ(pump.bytes(), body.size());
  EXPECT_TRUE(pump.done());
  EXPECT_EQ(std::string("GET /next").substr(0, in_.size()), in_.bytes());
}

TEST_F(BodyPumpTest, a_chunked_body_is_framed_anew_without_extensions_and_trailers) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SetUp();
    const std::string body = payload(1 + seed * 5000, seed);
    BodyPump pump({*source_, in_}, {*sink_, pending_}, {Kind::kChunked, 0}, false);
    std::string out;
    ASSERT_EQ(drive(pump, chunked(body, seed), out, seed, false), Step::kDone);
    bool whole = false;
    EXPECT_EQ(unchunk(out, whole), body);
    EXPECT_TRUE(whole);
    EXPECT_EQ(out.find("name=value"), std::string::npos);
    EXPECT_EQ(out.find("x-trailer"), std::string::npos);
    EXPECT_EQ(pump.bytes(), body.size());
  }
}

TEST_F(BodyPumpTest, a_body_that_ends_with_its_connection_is_sent_chunked) {
  const std::string body = payload(100'000, 5);
  BodyPump pump({*source_, in_}, {*sink_, pending_}, {Kind::kUntilClose, 0}, true);
  std::string out;
  ASSERT_EQ(drive(pump, body, out, 6, true), Step::kDone);
  bool whole = false;
  EXPECT_EQ(unchunk(out, whole), body);
  EXPECT_TRUE(whole);
}

TEST_F(BodyPumpTest, an_end_before_the_length_is_told) {
  BodyPump pump({*source_, in_}, {*sink_, pending_}, {Kind::kLength, 1000}, false);
  std::string out;
  EXPECT_EQ(drive(pump, "short", out, 7, true), Step::kSourceEnded);
  EXPECT_FALSE(pump.done());
}

TEST_F(BodyPumpTest, bad_chunk_framing_is_told_and_what_follows_is_not_sent) {
  BodyPump pump({*source_, in_}, {*sink_, pending_}, {Kind::kChunked, 0}, false);
  std::string out;
  EXPECT_EQ(drive(pump, "3\r\nabcde\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n", out, 8, false), Step::kBadFraming);
  EXPECT_EQ(out.find("smuggled"), std::string::npos);
}

TEST_F(BodyPumpTest, a_message_without_body_sends_its_head_and_is_done) {
  pending_ = "GET / HTTP/1.1\r\n\r\n";
  BodyPump pump({*source_, in_}, {*sink_, pending_}, {Kind::kNone, 0}, false);
  EXPECT_EQ(pump.advance(), Step::kDone);
  EXPECT_EQ(received(), "GET / HTTP/1.1\r\n\r\n");
}

TEST_F(BodyPumpTest, a_sink_that_is_gone_is_told) {
  receiver_.reset();
  pending_ = "GET / HTTP/1.1\r\n\r\n";
  BodyPump pump({*source_, in_}, {*sink_, pending_}, {Kind::kNone, 0}, false);
  EXPECT_EQ(pump.advance(), Step::kSinkFailed);
}

}  // namespace
}  // namespace fairlead::proxy
