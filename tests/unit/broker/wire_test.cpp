#include "userspace-proxy/broker/wire.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <vector>

namespace fairlead::broker {
namespace {

size_t open_fds() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

std::array<Fd, 2> channel(int type = SOCK_SEQPACKET) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<int> copies(const Fd& fd, size_t count) { return std::vector<int>(count, fd.get()); }

// What a hostile peer may send: any bytes, any number of descriptors.
void send_raw(int fd, const void* bytes, size_t size, const std::vector<int>& fds = {}) {
  iovec part = {.iov_base = const_cast<void*>(bytes), .iov_len = size};
  std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  }
  ASSERT_EQ(sendmsg(fd, &header, MSG_NOSIGNAL), static_cast<ssize_t>(size)) << strerror(errno);
}

class Wire : public testing::Test {
 protected:
  // The message is refused as malformed, and nothing that came with it stays open.
  void expect_refused(const void* bytes, size_t size, const std::vector<int>& fds = {}) {
    const size_t before = open_fds();
    send_raw(ends_[0].get(), bytes, size, fds);
    const auto received = receive(ends_[1].get());
    ASSERT_FALSE(received.has_value());
    EXPECT_EQ(received.error().errno_value(), EPROTO) << received.error().message();
    EXPECT_EQ(open_fds(), before);
  }
  void expect_refused(const Message& message, const std::vector<int>& fds = {}) {
    expect_refused(&message, sizeof message, fds);
    EXPECT_EQ(send(ends_[0].get(), message, fds).error().errno_value(), EPROTO);
  }

  std::array<Fd, 2> ends_ = channel();
  Fd file_{open("/dev/null", O_RDONLY | O_CLOEXEC)};
};

TEST_F(Wire, CarriesEveryFieldOfAMessage) {
  const Message sent = {.type = Type::kSocketsWanted,
                        .number = 1,
                        .netns = 0x1234567890abcdef,
                        .size = 3,
                        .role = Role::kInbound,
                        .family = AF_INET6,
                        .count = 16,
                        .mode = 2};
  ASSERT_TRUE(send(ends_[0].get(), sent));
  const auto received = receive(ends_[1].get());
  ASSERT_TRUE(received && *received);
  EXPECT_EQ(std::memcmp(&(*received)->message, &sent, sizeof sent), 0);
  EXPECT_TRUE((*received)->fds.empty());
}

TEST_F(Wire, PassesDescriptorsThatWorkAndDoNotSurviveAnExec) {
  const auto pair = channel(SOCK_STREAM);
  ASSERT_TRUE(send(ends_[0].get(), {.type = Type::kListener, .number = 7}, std::array{pair[0].get()}));
  const auto received = receive(ends_[1].get());
  ASSERT_TRUE(received && *received);
  ASSERT_EQ((*received)->fds.size(), 1u);
  const int fd = (*received)->fds[0].get();
  EXPECT_NE(fd, pair[0].get());
  EXPECT_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  ASSERT_EQ(write(fd, "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(pair[1].get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(Wire, PassesAsManyDescriptorsAsAMessageMayHave) {
  const size_t before = open_fds();
  ASSERT_TRUE(send(ends_[0].get(), {.type = Type::kSockets}, copies(file_, kMaxFds)));
  {
    const auto received = receive(ends_[1].get());
    ASSERT_TRUE(received && *received);
    EXPECT_EQ((*received)->fds.size(), kMaxFds);
    EXPECT_EQ(open_fds(), before + kMaxFds);
  }
  EXPECT_EQ(open_fds(), before);
}

TEST_F(Wire, KeepsMessagesApartAndInOrder) {
  for (uint64_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(send(ends_[0].get(), {.type = Type::kListenerGone, .number = i}));
  }
  for (uint64_t i = 0; i < 5; ++i) {
    const auto received = receive(ends_[1].get());
    ASSERT_TRUE(received && *received);
    EXPECT_EQ((*received)->message.number, i);
  }
}

TEST_F(Wire, SaysNothingThereOnABlockingChannelToo) {
  const auto received = receive(ends_[1].get());
  ASSERT_TRUE(received.has_value());
  EXPECT_FALSE(received->has_value());
}

TEST_F(Wire, SaysAgainWhenThePeerDoesNotReadAndGoesOnOnceItDoes) {
  Status status;
  size_t sent = 0;
  for (; sent < 1'000'000; ++sent) {
    status = send(ends_[0].get(), {.type = Type::kHello});
    if (!status) {
      break;
    }
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().errno_value(), EAGAIN);
  size_t read = 0;
  for (auto received = receive(ends_[1].get()); received && *received; received = receive(ends_[1].get())) {
    ++read;
  }
  EXPECT_EQ(read, sent);
  EXPECT_TRUE(send(ends_[0].get(), {.type = Type::kHello}));
}

TEST_F(Wire, TellsThatThePeerIsGoneAfterItsLastMessage) {
  ASSERT_TRUE(send(ends_[0].get(), {.type = Type::kHello}));
  ends_[0].reset();
  const auto last = receive(ends_[1].get());
  ASSERT_TRUE(last && *last);
  const auto gone = receive(ends_[1].get());
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().errno_value(), ECONNRESET);
  // EPIPE as an error, not SIGPIPE.
  EXPECT_EQ(send(ends_[1].get(), {.type = Type::kHello}).error().errno_value(), EPIPE);
}

TEST_F(Wire, RefusesEveryOtherSize) {
  std::array<char, 4 * sizeof(Message)> bytes{};
  const Message message = {.type = Type::kSockets};
  std::memcpy(bytes.data(), &message, sizeof message);
  for (size_t size = 1; size <= bytes.size(); ++size) {
    if (size != sizeof message) {
      expect_refused(bytes.data(), size);
      expect_refused(bytes.data(), size, copies(file_, 3));
    }
  }
}

TEST_F(Wire, RefusesAnEmptyMessageAndClosesItsDescriptors) {
  const size_t before = open_fds();
  send_raw(ends_[0].get(), "", 0, copies(file_, 2));
  EXPECT_FALSE(receive(ends_[1].get()));
  EXPECT_EQ(open_fds(), before);
}

TEST_F(Wire, RefusesAnotherVersion) {
  expect_refused(Message{.type = Type::kHello, .version = kVersion + 1});
  expect_refused(Message{.type = Type::kListener, .version = 0}, copies(file_, 1));
}

TEST_F(Wire, RefusesUnknownTypesRolesAndFamilies) {
  for (const uint32_t type : {0u, 8u, 31u, 37u, 0xffffffffu}) {
    expect_refused(Message{.type = static_cast<Type>(type)});
    expect_refused(Message{.type = static_cast<Type>(type)}, copies(file_, 1));
  }
  expect_refused(Message{.role = static_cast<Role>(0)});
  expect_refused(Message{.role = static_cast<Role>(3)});
  expect_refused(Message{.family = AF_UNIX});
  expect_refused(Message{.family = -1});
}

TEST_F(Wire, RefusesDescriptorsThatDoNotBelongToTheType) {
  expect_refused(Message{.type = Type::kHello}, copies(file_, 1));
  expect_refused(Message{.type = Type::kSocketsWanted, .count = 1}, copies(file_, kMaxFds));
  expect_refused(Message{.type = Type::kSnapshot});
  expect_refused(Message{.type = Type::kSnapshot}, copies(file_, 2));
  expect_refused(Message{.type = Type::kListener});
  expect_refused(Message{.type = Type::kSockets});
}

TEST_F(Wire, RefusesTooManyDescriptorsAndClosesThoseThatCame) {
  const Message message = {.type = Type::kSockets};
  expect_refused(message, copies(file_, kMaxFds + 1));
  expect_refused(message, copies(file_, kMaxFds + 2));
  expect_refused(message, copies(file_, 253));  // the kernel's own limit, SCM_MAX_FD
}

TEST_F(Wire, RefusesAMessageWhoseDescriptorsDoNotAllFitUnderTheLimitOfOpenFiles) {
  const size_t before = open_fds();
  ASSERT_TRUE(send(ends_[0].get(), {.type = Type::kSockets}, copies(file_, 8)));
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  const int next = dup(0);  // the lowest free number
  close(next);
  const rlimit tight = {.rlim_cur = static_cast<rlim_t>(next) + 3, .rlim_max = old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto received = receive(ends_[1].get());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().errno_value(), EPROTO);
  EXPECT_EQ(open_fds(), before);
}

TEST_F(Wire, IgnoresControlMessagesThatAreNotDescriptors) {
  const int on = 1;
  ASSERT_EQ(setsockopt(ends_[1].get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
  ASSERT_TRUE(send(ends_[0].get(), {.type = Type::kListener}, std::array{file_.get()}));
  const auto received = receive(ends_[1].get());
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->fds.size(), 1u);
}

TEST_F(Wire, ReportsAChannelThatIsNone) {
  EXPECT_EQ(send(-1, {.type = Type::kHello}).error().errno_value(), EBADF);
  EXPECT_EQ(receive(-1).error().errno_value(), EBADF);
}

}  // namespace
}  // namespace fairlead::broker
