#include "tests/bpf/fast_pair.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace fairlead::test {

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

uint64_t cookie_of(const Fd& socket) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size);
  return cookie;
}

void make_blocking(const Fd& socket, bool blocking) {
  const int flags = fcntl(socket.get(), F_GETFL);
  fcntl(socket.get(), F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

bool becomes(const Fd& socket, short events) {
  pollfd wait{.fd = socket.get(), .events = events, .revents = 0};
  return poll(&wait, 1, 3000) == 1;
}

bool send_all(const Fd& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno != EAGAIN || !becomes(socket, POLLOUT)) {
      return false;
    }
  }
  return true;
}

std::string receive(const Fd& socket, size_t count) {
  std::string bytes(count, '\0');
  size_t got = 0;
  while (got < count) {
    const ssize_t more = recv(socket.get(), bytes.data() + got, count - got, 0);
    if (more > 0) {
      got += static_cast<size_t>(more);
    } else if (more == 0 || errno != EAGAIN || !becomes(socket, POLLIN)) {
      break;
    }
  }
  bytes.resize(got);
  return bytes;
}

std::string receive_rest(const Fd& socket) {
  std::string bytes;
  while (true) {
    const std::string more = receive(socket, 65536);
    bytes += more;
    if (more.size() < 65536) {
      return bytes;
    }
  }
}

bool round_trip(const Pair& pair, std::string_view bytes) {
  return send_all(pair.client, bytes) && receive(pair.server, bytes.size()) == bytes && send_all(pair.server, bytes) &&
         receive(pair.client, bytes.size()) == bytes;
}

std::string pattern(size_t count, uint32_t seed) {
  std::string bytes(count, '\0');
  uint32_t state = seed * 2654435761U + 1;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

void FastTest::SetUp() {
  DatapathTest::SetUp();
  for (const Pod* pod : {&a(), &b()}) {
    build_.pod(*pod).flags = FL_POD_ACCELERATED;
    build_.pod_port(*pod, 0, FL_PROTOCOL_TCP);
  }
  apply();
  const auto attached = datapath_->acceleration().attach();
  ASSERT_TRUE(attached.has_value()) << attached.error().message();
  turn(true);
  listener_ = listen_on(b().netns, b().at(kPort));
}

void FastTest::turn(bool on) {
  const auto turned = datapath_->acceleration().turn(on);
  ASSERT_TRUE(turned.has_value()) << turned.error().message();
}

Pair FastTest::connect_pair(Manner client, Manner server) {
  Pair pair{.client = tcp_socket(a().netns, AF_INET), .server = {}};
  make_blocking(pair.client, client == Manner::kBlocking);
  connect_to(pair.client, b().at(kPort));
  EXPECT_TRUE(becomes(pair.client, POLLOUT));
  pair.server = Fd(accept4(listener_.get(), nullptr, nullptr, server == Manner::kNonBlocking ? SOCK_NONBLOCK : 0));
  EXPECT_TRUE(pair.server.valid());
  const int one = 1;
  for (const Fd* end : {&pair.client, &pair.server}) {
    setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  return pair;
}

// The first connection teaches how the listener's are used, and perhaps how the client's are, the next the rest.
void FastTest::be_watched(Manner client, Manner server) {
  const Pair watched = connect_pair(client, server);
  EXPECT_TRUE(round_trip(watched));
  EXPECT_TRUE(round_trip(watched));
}

Pair FastTest::fast_pair() {
  be_watched();
  Pair pair = connect_pair();
  EXPECT_TRUE(leg_of(pair.client).has_value());
  EXPECT_TRUE(leg_of(pair.server).has_value());
  return pair;
}

std::optional<fl_leg> FastTest::leg_of(const Fd& socket) const {
  const auto leg = *maps().legs.lookup(cookie_of(socket));
  return leg && leg->state != FL_LEG_LEARNING ? leg : std::nullopt;
}

bool FastTest::is_redirected(const Fd& sender) const {
  const auto leg = leg_of(sender);
  return leg && leg->state == FL_LEG_REDIRECTED;
}

uint64_t FastTest::redirected_from(const Fd& sender) const {
  const auto leg = leg_of(sender);
  return leg ? leg->sent : 0;
}

size_t FastTest::legs() const { return maps().legs.entries()->size(); }

}  // namespace fairlead::test
