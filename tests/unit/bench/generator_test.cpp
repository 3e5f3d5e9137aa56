// The load generator against a small server that answers in ways of the test's choice.
#include "agent/bench/load/generator.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::bench {
namespace {

const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

// Writes the answer to a request, the number of which on its connection is given (from 0). False: closes.
using Answer = std::function<bool(int socket, unsigned number)>;

bool write_all(int socket, std::string_view bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

class GeneratorTest : public testing::Test {
 protected:
  // A process per connection, all of which end with the test.
  Endpoint serve(const Answer& answer) {
    listener_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_.get(), 1024), 0);
    socklen_t size = sizeof address;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    for (Process& server : servers_) {
      const int listener = listener_.get();
      server = std::move(*Process::call([&answer, listener] { return accept_forever(listener, answer); }, {},
                                        {.input = listener, .output = -1}));
    }
    return {"127.0.0.1", ntohs(address.sin_port)};
  }

  // Ends with the load; what it counted is in counts_.
  Result<Ended> run(HttpPlan plan) {
    plan.request = get_request("web", "/", plan.new_connections ? AfterAnswer::kClose : AfterAnswer::kKeep);
    auto load = start_http(plan, {});
    EXPECT_TRUE(load);
    auto ended = load->wait(interrupt_);
    counts_ = std::make_unique<LoadCounts>(load->counts());
    kept_.assign(load->samples().begin(), load->samples().end());
    return ended;
  }

  std::unique_ptr<LoadCounts> counts_;
  std::vector<TimedRequest> kept_;

 private:
  // The child's descriptors above stderr are closed: the listener is its standard input.
  static int accept_forever(int, const Answer& answer) {
    while (true) {
      const Fd peer(accept(STDIN_FILENO, nullptr, nullptr));
      std::array<char, 4096> request;
      for (unsigned number = 0; read(peer.get(), request.data(), request.size()) > 0 && answer(peer.get(), number);
           ++number) {
      }
    }
  }

  Interrupt interrupt_;
  Fd listener_;
  std::array<Process, 3> servers_;
};

TEST_F(GeneratorTest, OpenLoopSendsEveryRequestOfItsSchedule) {
  const Answer answer = [](int socket, unsigned) { return write_all(socket, kAnswer); };
  const auto ended =
      run({.target = serve(answer), .connections = 2, .rate = 1000, .duration = std::chrono::milliseconds(300)});
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(counts_->due, 300U);
  EXPECT_EQ(counts_->answered, 300U);
  EXPECT_EQ(counts_->latency.count(), 300U);
  EXPECT_EQ(counts_->failed, 0U);
}

// A closed loop would have sent one request into the stall and seen one long answer.
TEST_F(GeneratorTest, ARequestThatIsDueDuringAStallPaysForIt) {
  const Answer answer = [](int socket, unsigned number) {
    if (number == 100) {
      usleep(400'000);
    }
    return write_all(socket, kAnswer);
  };
  const auto ended =
      run({.target = serve(answer), .connections = 1, .rate = 500, .duration = std::chrono::milliseconds(1000)});
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(counts_->answered, 500U);
  // 200 were due in those 400 ms; 100 of them in its first half, at least 200 ms before its end.
  EXPECT_GE(counts_->latency.at(1), 400'000'000U);
  EXPECT_GE(counts_->latency.at(1 - 99.0 / 500), 200'000'000U);
}

TEST_F(GeneratorTest, ClosedLoopTakesAnswersInPiecesAndChunks) {
  const Answer answer = [](int socket, unsigned number) {
    if (number % 2 == 0) {
      return write_all(socket, "HTTP/1.1 200 OK\r\nTransfer-Enc") && usleep(1000) == 0 &&
             write_all(socket, "oding: chunked\r\n\r\n5\r\nhel") && usleep(1000) == 0 &&
             write_all(socket, "lo\r\n0\r\n\r\n");
    }
    return write_all(socket, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n");
  };
  const auto ended = run({.target = serve(answer), .connections = 3, .duration = std::chrono::milliseconds(100)});
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_GT(counts_->answered, 0U);
  EXPECT_EQ(counts_->answered, counts_->due);
}

TEST_F(GeneratorTest, OpensAConnectionPerRequestWhereAsked) {
  const Answer answer = [](int socket, unsigned number) {
    return number == 0 && write_all(socket, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello") &&
           false;
  };
  const auto ended = run({.target = serve(answer),
                          .connections = 2,
                          .rate = 200,
                          .duration = std::chrono::milliseconds(200),
                          .new_connections = true});
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(counts_->answered, 40U);
}

TEST_F(GeneratorTest, AnAnswerOfAnErrorEndsTheLoadWithTheReason) {
  for (const auto& [bytes, reason] :
       {std::pair("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "an answer other than 2xx or 3xx"),
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellow", "more bytes than the answer has"},
        {"220 mail.example.com ESMTP\r\n", "no HTTP/1.1 answer"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "the connection was closed before"}}) {
    const Answer answer = [&bytes](int socket, unsigned) { return write_all(socket, bytes) && false; };
    const auto ended = run({.target = serve(answer), .connections = 1, .duration = std::chrono::milliseconds(200)});
    ASSERT_FALSE(ended) << reason;
    EXPECT_NE(ended.error().message().find(reason), std::string::npos) << ended.error().message();
  }
}

TEST_F(GeneratorTest, WhoKeepsRequestsCountsFailuresAndGoesOn) {
  const Answer answer = [](int socket, unsigned number) { return number != 4 && write_all(socket, kAnswer); };
  const auto ended = run({.target = serve(answer),
                          .connections = 1,
                          .rate = 500,
                          .duration = std::chrono::milliseconds(400),
                          .keeps_requests = true});
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(counts_->due, 200U);
  EXPECT_EQ(counts_->failed, 40U);  // each fifth request of a connection
  EXPECT_EQ(counts_->answered, 160U);
  ASSERT_EQ(kept_.size(), 200U);
  EXPECT_EQ(std::ranges::count(kept_, TimedRequest::kFailed, &TimedRequest::latency_us), 40);
  EXPECT_TRUE(std::ranges::is_sorted(kept_, {}, &TimedRequest::due_us));
}

TEST_F(GeneratorTest, WhatIsNeverAnsweredIsLostToo) {
  const Answer answer = [](int socket, unsigned number) {
    return number < 3 ? write_all(socket, kAnswer) : sleep(60) == 0;
  };
  const auto ended = run({.target = serve(answer),
                          .connections = 1,
                          .rate = 100,
                          .duration = std::chrono::milliseconds(100),
                          .patience = std::chrono::milliseconds(100),
                          .keeps_requests = true});
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(counts_->answered, 3U);
  EXPECT_EQ(counts_->failed, 7U);  // one was sent, six were due
  EXPECT_EQ(kept_.size(), 10U);
}

TEST_F(GeneratorTest, NobodyThereIsAnError) {
  const auto ended = run({.target = {"127.0.0.1", 1}, .connections = 1, .duration = std::chrono::milliseconds(50)});
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().message().find("Connection refused"), std::string::npos) << ended.error().message();
}

}  // namespace
}  // namespace fairlead::bench
