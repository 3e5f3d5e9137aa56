#include "agent/kernel/self_test.h"

#include "bpf/user/trial.h"
#include "userspace-proxy/base/fd.h"

#include <fcntl.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>

namespace fairlead::kernel {
namespace {

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
constexpr int kIpprotoMptcp = 262;
constexpr int kPatienceMs = 2000;

uint64_t number_of(const Fd& socket, int option) {
  uint64_t value = 0;
  socklen_t size = sizeof value;
  return getsockopt(socket.get(), SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

bool becomes(const Fd& socket, short events) {
  pollfd wait{.fd = socket.get(), .events = events, .revents = 0};
  return poll(&wait, 1, kPatienceMs) == 1;
}

// A connection over loopback; `b` was accepted.
struct Ends {
  Fd a, b;
};

Ends connect(int listener_protocol = IPPROTO_TCP) {
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, listener_protocol));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* const address = reinterpret_cast<sockaddr*>(&at);
  if (bind(listener.get(), address, size) != 0 || listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), address, &size) != 0) {
    return {};
  }
  Ends ends{.a = Fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)), .b = {}};
  if (::connect(ends.a.get(), address, size) != 0 && errno != EINPROGRESS) {
    return {};
  }
  if (becomes(listener, POLLIN)) {
    ends.b = Fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  }
  return ends;
}

bool say(const Fd& socket, std::string_view bytes) {
  return becomes(socket, POLLOUT) &&
         send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// Until so many bytes or the end.
std::string hear(const Fd& socket, size_t count) {
  std::string bytes(count, '\0');
  size_t got = 0;
  while (got < count && becomes(socket, POLLIN)) {
    const ssize_t more = recv(socket.get(), bytes.data() + got, count - got, 0);
    if (more == 0 || (more < 0 && errno != EAGAIN)) {
      break;
    }
    got += more > 0 ? static_cast<size_t>(more) : 0;
  }
  bytes.resize(got);
  return bytes;
}

class Tests {
 public:
  explicit Tests(bpf::Trial& trial) : trial_(trial) {}

  bool bytes_arrive() {
    return redirected([](Ends& ends) { return say(ends.a, "one") && hear(ends.b, 3) == "one"; });
  }

  bool order_is_kept_back_to_tcp() {
    return redirected([this](Ends& ends) {
      const bool sent = say(ends.a, "one") && trial_.stop(number_of(ends.a, SO_COOKIE)) && say(ends.a, "two");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the segment is there
      return sent && hear(ends.b, 6) == "onetwo";
    });
  }

  bool unread_bytes_are_counted() {
    return redirected([](Ends& ends) {
      const std::string bytes(10'000, 'x');
      std::array<uint32_t, SK_MEMINFO_VARS> memory{};
      socklen_t size = sizeof memory;
      return say(ends.a, bytes) && getsockopt(ends.b.get(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) == 0 &&
             memory[SK_MEMINFO_RMEM_ALLOC] >= bytes.size() && hear(ends.b, bytes.size()) == bytes &&
             getsockopt(ends.b.get(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) == 0 &&
             memory[SK_MEMINFO_RMEM_ALLOC] == 0;
    });
  }

  bool bytes_outlive_both_ends() {
    return redirected([](Ends& ends) {
      shutdown(ends.b.get(), SHUT_WR);
      const bool sent = hear(ends.a, 1).empty() && say(ends.a, "last");
      ends.a.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return sent && hear(ends.b, 5) == "last";
    });
  }

  // A plain client of an MPTCP listener: the accepted socket joins before accept() makes a file of it.
  static bool mptcp_listeners_accept() {
    if (!Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, kIpprotoMptcp))) {
      return true;  // there are none
    }
    const Ends ends = connect(kIpprotoMptcp);
    return ends.b.valid() && say(ends.a, "one") && hear(ends.b, 3) == "one" && say(ends.b, "two") &&
           hear(ends.a, 3) == "two";
  }

  static bool fionread_counts_tcp() {
    const Ends ends = connect();
    int count = 0;
    return say(ends.a, "one") && becomes(ends.b, POLLIN) && ioctl(ends.b.get(), FIONREAD, &count) == 0 && count == 3;
  }

  bool splice_sees_them() {
    return redirected([](Ends& ends) {
      std::array<int, 2> pipe{};
      if (!say(ends.a, "one") || pipe2(pipe.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
        return false;
      }
      const Fd from(pipe[0]), to(pipe[1]);
      return splice(ends.b.get(), nullptr, to.get(), nullptr, 3, SPLICE_F_NONBLOCK) == 3;
    });
  }

  // The reader is woken because its socket can be written to again.
  static bool blocking_readers_wait() {
    const Ends ends = connect();
    const std::string bytes(65'536, 'x');
    while (send(ends.b.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    }
    fcntl(ends.b.get(), F_SETFL, fcntl(ends.b.get(), F_GETFL) & ~O_NONBLOCK);
    std::thread ending([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      std::string space(bytes.size(), '\0');
      while (recv(ends.a.get(), space.data(), space.size(), 0) > 0) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      shutdown(ends.a.get(), SHUT_WR);
    });
    char byte = 0;
    const ssize_t got = recv(ends.b.get(), &byte, 1, 0);
    ending.join();
    return got == 0;
  }

 private:
  template <class Test>
  bool redirected(Test test) {
    Ends ends = connect();
    return ends.b.valid() && trial_.redirect(number_of(ends.a, SO_COOKIE), number_of(ends.b, SO_COOKIE)) && test(ends);
  }

  bpf::Trial& trial_;
};

std::vector<SelfTest> run_all(bpf::Trial& trial) {
  using Need = SelfTest::Need;
  Tests tests(trial);
  return {
      {"redirected bytes arrive", tests.bytes_arrive(), Need::kRequired, "acceleration does not work here"},
      {"order is kept where a direction goes back to TCP", tests.order_is_kept_back_to_tcp(), Need::kRequired,
       "bytes would overtake each other"},
      {"unread bytes are counted at the reader (Linux 6.13)", tests.unread_bytes_are_counted(), Need::kRequired,
       "a slow reader could not hold its sender back: memory without bound"},
      {"unread bytes outlive the connection's end", tests.bytes_outlive_both_ends(), Need::kRequired,
       "the last bytes could be lost"},
      {"a listener of MPTCP accepts a plain client whose socket has joined", Tests::mptcp_listeners_accept(),
       Need::kRequired, "listeners of MPTCP, Go's by default, would break"},
      {"FIONREAD counts bytes that came over TCP", Tests::fionread_counts_tcp(), Need::kAdvice,
       "applications that ask FIONREAD before they read (nginx for large request bodies, Java, .NET) may wait for "
       "bytes "
       "that are there: `true` accepts that"},
      {"splice() sees redirected bytes", tests.splice_sees_them(), Need::kAdvice,
       "applications that splice() from a socket (Go's io.Copy between connections, HAProxy) do not get them: `true` "
       "accepts that"},
      {"a blocking recv() waits", Tests::blocking_readers_wait(), Need::kAdvice,
       "it fails with EAGAIN at a wake-up without data: sockets that block stay out"},
  };
}

Status bring_loopback_up() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  return ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0 ? Status() : fail_sys("lo");
}

// REQUIRES: a thread that ends with it.
Result<std::vector<SelfTest>> run_in_new_netns(int cgroup_fd) {
  if (unshare(CLONE_NEWNET) != 0) {
    return fail_sys("a network namespace for the self-tests");
  }
  if (Status up = bring_loopback_up(); !up) {
    return std::unexpected(up.error());
  }
  const Fd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  auto trial = bpf::Trial::start(number_of(probe, SO_NETNS_COOKIE), cgroup_fd);
  if (!trial) {
    return std::unexpected(trial.error());
  }
  return run_all(*trial);
}

}  // namespace

Result<std::vector<SelfTest>> run_self_tests(const std::string& cgroup) {
  const Fd directory(open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return fail_sys("cgroup " + cgroup);
  }
  Result<std::vector<SelfTest>> tests = std::vector<SelfTest>();
  std::thread([&] { tests = run_in_new_netns(directory.get()); }).join();
  return tests;
}

}  // namespace fairlead::kernel
