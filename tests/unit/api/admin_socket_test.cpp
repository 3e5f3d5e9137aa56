#include "agent/api/admin_socket.h"

#include "tests/unit/host/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>

namespace fairlead::api {
namespace {

using agent::Loop;
using nlohmann::json;
using std::chrono::milliseconds;
using testing::ElementsAre;

class AdminSocketTest : public testing::Test {
 protected:
  AdminSocketTest() : loop_(std::move(*Loop::create())), path_(place_ / "fairlead.sock") {
    auto opened = AdminSocket::open(*loop_, path_);
    EXPECT_TRUE(opened) << opened.error().message();
    socket_ = std::move(*opened);
    socket_->on("echo", [](const json& request, const Answer& answer) { answer.done({{"text", request["text"]}}); });
    socket_->on("count", [](const json& request, const Answer& answer) {
      for (int i = 0; i < request.value("to", 0); ++i) {
        answer.line({{"number", i}});
      }
      answer.done(json::object());
    });
    socket_->on("later", [this](const json&, const Answer& answer) { kept_ = answer; });
  }

  void SetUp() override {
    if (getuid() != 0) {
      GTEST_SKIP() << "the socket takes uid 0";
    }
  }

  Fd connect() const {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strcpy(address.sun_path, path_.c_str());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  // Runs the loop until `lines` lines have come, or the agent has closed.
  std::vector<json> read_lines(const Fd& fd, size_t lines) {
    std::vector<json> found;
    while (found.size() < lines) {
      loop_->run_once(milliseconds(5));
      std::array<char, 4096> buffer;
      const ssize_t count = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count == 0) {
        break;
      }
      if (count > 0) {
        text_.append(buffer.data(), static_cast<size_t>(count));
      }
      for (size_t end; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1)) {
        found.push_back(json::parse(text_.substr(0, end)));
      }
    }
    return found;
  }

  static void say(const Fd& fd, const std::string& text) {
    ASSERT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  test::TemporaryDirectory place_;
  std::unique_ptr<Loop> loop_;
  std::string path_, text_;
  std::unique_ptr<AdminSocket> socket_;
  std::optional<Answer> kept_;
};

TEST_F(AdminSocketTest, ARequestIsAnsweredAndTheConnectionServesTheNext) {
  const Fd fd = connect();
  say(fd, "{\"op\": \"echo\", \"text\": \"a\"}\n{\"op\": \"ec");
  EXPECT_THAT(read_lines(fd, 1), ElementsAre(json({{"text", "a"}, {"done", true}})));
  say(fd, "ho\", \"text\": \"b\"}\n");
  EXPECT_THAT(read_lines(fd, 1), ElementsAre(json({{"text", "b"}, {"done", true}})));
}

TEST_F(AdminSocketTest, AnAnswerOfManyLinesEndsWithDone) {
  const Fd fd = connect();
  say(fd, "{\"op\": \"count\", \"to\": 2}\n");
  EXPECT_THAT(read_lines(fd, 3), ElementsAre(json({{"number", 0}}), json({{"number", 1}}), json({{"done", true}})));
}

TEST_F(AdminSocketTest, AnAnswerMayComeLaterOrToNobody) {
  Fd fd = connect();
  say(fd, "{\"op\": \"later\"}\n");
  while (!kept_) {
    loop_->run_once(milliseconds(5));
  }
  kept_->done({{"x", 1}});
  EXPECT_EQ(read_lines(fd, 1).size(), 1U);
  fd.reset();
  loop_->run_once(milliseconds(5));
  EXPECT_FALSE(kept_->wanted());
  kept_->line({{"x", 2}});
}

TEST_F(AdminSocketTest, WhatIsNoRequestIsRefused) {
  for (const char* text :
       {"hello\n", "[]\n", "{}\n", "{\"op\": 1}\n", "{\"op\": \"fly\"}\n", "{\"op\": \"count\", \"to\": \"x\"}\n"}) {
    const Fd fd = connect();
    say(fd, text);
    const auto answers = read_lines(fd, 1);
    ASSERT_EQ(answers.size(), 1U) << text;
    EXPECT_TRUE(answers[0].contains("error")) << text;
  }
}

TEST_F(AdminSocketTest, ALineWithoutEndIsCutOff) {
  const Fd fd = connect();
  const std::string piece(32 * 1024, 'x');
  for (int i = 0; i < 4; ++i) {
    send(fd.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    for (int round = 0; round < 4; ++round) {
      loop_->run_once(milliseconds(1));
    }
  }
  char byte;
  EXPECT_LE(recv(fd.get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_NE(errno, EAGAIN) << "closed, not silent";
}

TEST_F(AdminSocketTest, OnlyItsOwnersMayOpenTheFile) {
  struct stat found;
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0007, 0U);
}

TEST(AdminSocketPath, APathThatIsTooLongIsAnErrorThatSaysSo) {
  auto loop = std::move(*Loop::create());
  const auto opened = AdminSocket::open(*loop, "/tmp/" + std::string(200, 'x'));
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), testing::HasSubstr("shorter --run-dir"));
}

TEST(AdminSocketPeer, UidZeroMayAndNobodyElseWithoutTheGroup) {
  std::array<int, 2> ends;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd a(ends[0]), b(ends[1]);
  EXPECT_EQ(may_use_admin_socket(a.get(), -1), getuid() == 0);
  EXPECT_TRUE(may_use_admin_socket(a.get(), getgid())) << "one's own group would do";
}

}  // namespace
}  // namespace fairlead::api
