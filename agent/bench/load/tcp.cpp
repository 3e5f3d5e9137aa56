// TCP round trips of 64 bytes (bench/load.h). Client and server are children of the bench: no program but ours takes
// part, so that the figure is the path's.
#include "agent/bench/load.h"
#include "agent/bench/statistics.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <vector>

namespace fairlead::bench {
namespace {

constexpr size_t kBytes = 64;

bool send_all(int fd, const char* bytes, size_t count) {
  return send(fd, bytes, count, MSG_NOSIGNAL) == static_cast<ssize_t>(count);  // 64 bytes fit any socket buffer
}

bool receive_all(int fd, char* bytes, size_t count) {
  for (size_t got = 0; got < count;) {
    const ssize_t more = recv(fd, bytes + got, count - got, 0);
    if (more <= 0) {
      return false;
    }
    got += static_cast<size_t>(more);
  }
  return true;
}

void set_no_delay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int serve(uint16_t port) {
  const int one = 1;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  if (listener < 0 || bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 16) != 0) {
    return 1;
  }
  while (true) {
    const Fd peer(accept(listener, nullptr, nullptr));
    if (!peer) {
      return 1;
    }
    set_no_delay(peer.get());
    std::array<char, kBytes> bytes;
    while (receive_all(peer.get(), bytes.data(), bytes.size()) && send_all(peer.get(), bytes.data(), bytes.size())) {
    }
  }
}

double microseconds(Clock::duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

// The client's whole life: connects, goes to and fro until the time is over, tells.
int ping(const Endpoint& target, std::chrono::milliseconds duration) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(target.port), .sin_addr = {}, .sin_zero = {}};
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (fd < 0 || inet_pton(AF_INET, target.address.c_str(), &address.sin_addr) != 1 ||
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    return 1;
  }
  set_no_delay(fd);
  std::array<char, kBytes> bytes{};
  std::vector<double> times;
  times.reserve(1 << 20);
  const Clock::time_point start = Clock::now();
  Clock::time_point before = start;
  while (before - start < duration) {
    if (!send_all(fd, bytes.data(), bytes.size()) || !receive_all(fd, bytes.data(), bytes.size())) {
      std::perror("round trip");
      return 1;
    }
    const Clock::time_point now = Clock::now();
    times.push_back(microseconds(now - before));
    before = now;
  }
  std::puts(fmt::format(R"({{"requests":{},"duration_us":{},"p50_us":{},"p99_us":{}}})", times.size(),
                        microseconds(before - start), quantile(times, 0.5), quantile(times, 0.99))
                .c_str());
  std::fflush(stdout);
  return 0;
}

}  // namespace

Result<Process> start_echo(uint16_t port, const Place& place) {
  return Process::call([port] { return serve(port); }, place, {});
}

Result<Sample> run_round_trips(const Endpoint& target, const Slice& slice, const Interrupt& interrupt) {
  constexpr std::chrono::seconds kPatience(20);
  const Fd output(memfd_create("round-trips", MFD_CLOEXEC));
  if (!output) {
    return fail_sys("memfd_create");
  }
  auto client =
      Process::call([&] { return ping(target, slice.duration); }, slice.place, {.input = -1, .output = output.get()});
  if (!client) {
    return std::unexpected(client.error());
  }
  if (slice.in_the_middle) {
    if (const Status slept = interrupt.sleep(slice.duration / 2); !slept) {
      return std::unexpected(slept.error());
    }
    slice.in_the_middle();
  }
  const auto ended = client->wait(interrupt, Clock::now() + slice.duration + kPatience);
  if (!ended) {
    return fail(ended.error(), "round trips");
  }
  const std::string text = content_of(output.get());
  const auto told = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!ended->is_success() || !told.is_object() || told.value("requests", uint64_t{0}) == 0) {
    return fail(fmt::format("round trips: {}", text.empty() ? "no answer" : last_line(text)));
  }
  Sample sample{.requests = told.value("requests", uint64_t{0}),
                .p50_us = told.value("p50_us", 0.0),
                .p99_us = told.value("p99_us", 0.0),
                .client_cpu_us = ended->cpu_us};
  sample.us_per_request = told.value("duration_us", 0.0) / static_cast<double>(sample.requests);
  return sample;
}

}  // namespace fairlead::bench
