#include "agent/bench/load/holder.h"

#include "agent/bench/load/http_client.h"
#include "agent/host/open_files.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <vector>

namespace fairlead::bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience(10'000);

bool ask_once(HttpClient& client) {
  HttpClient::Step step = client.open() ? client.send() : HttpClient::Step::kFailed;
  while (step == HttpClient::Step::kWait) {
    pollfd socket{
        .fd = client.fd(), .events = static_cast<short>(client.wants_write() ? POLLOUT : POLLIN), .revents = 0};
    if (poll(&socket, 1, static_cast<int>(kPatience.count())) <= 0) {
      return false;
    }
    step = client.advance();
  }
  return step == HttpClient::Step::kAnswered;
}

uint32_t us_since(Clock::time_point began) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began).count());
}

// Notes when each of them ends, without end.
int watch_ends(LoadCounts& counts, std::span<TimedRequest> ends, const HoldPlan& plan,
               const std::vector<HttpClient>& clients) {
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  for (const HttpClient& client : clients) {
    epoll_event event{.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data = {.fd = client.fd()}};
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, client.fd(), &event) != 0) {
      return 1;
    }
  }
  std::array<epoll_event, 256> events;
  while (true) {
    const int count = epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), -1);
    const uint32_t now = us_since(plan.began);
    for (int i = 0; i < count && counts.samples < ends.size(); ++i) {
      ends[counts.samples] = {.due_us = now, .latency_us = 0};
      ++counts.samples;
    }
  }
}

int hold(LoadCounts& counts, std::span<TimedRequest> ends, const sockaddr_storage& target, const HoldPlan& plan) {
  host::raise_open_files();
  std::vector<HttpClient> clients;
  clients.reserve(plan.connections);
  for (unsigned i = 0; i < plan.connections; ++i) {
    HttpClient& client = clients.emplace_back(target, plan.request);
    if (!ask_once(client)) {
      counts.note(*client.failure() != '\0' ? client.failure() : "no answer in time");
      return 1;
    }
    ++counts.answered;
  }
  return watch_ends(counts, ends, plan, clients);
}

}  // namespace

Result<RunningLoad> hold_connections(const HoldPlan& plan, const Place& place, const Interrupt& interrupt) {
  constexpr milliseconds kLongest(600'000), kBetween(10);
  const auto address = socket_address(plan.target);
  if (!address) {
    return std::unexpected(address.error());
  }
  auto load = RunningLoad::start(
      [&](LoadCounts& counts, std::span<TimedRequest> ends) { return hold(counts, ends, *address, plan); }, place,
      kLongest, plan.connections);
  while (load && load->counts().answered < plan.connections) {
    if (!load->is_running()) {
      return fail(fmt::format("{} of {} connections were opened: {}", load->counts().answered, plan.connections,
                              load->counts().error));
    }
    if (const Status slept = interrupt.sleep(kBetween); !slept) {
      return std::unexpected(slept.error());
    }
  }
  return load;
}

}  // namespace fairlead::bench
