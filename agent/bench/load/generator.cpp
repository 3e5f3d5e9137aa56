#include "agent/bench/load/generator.h"

#include "agent/bench/load/http_client.h"
#include "agent/host/open_files.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

namespace fairlead::bench {
namespace {

using Step = HttpClient::Step;
constexpr uint64_t kSecond = 1'000'000'000;

// The child's whole life.
class Child {
 public:
  Child(const HttpPlan& plan, const sockaddr_storage& target, LoadCounts& counts, std::span<TimedRequest> kept)
      : plan_(plan),
        counts_(counts),
        kept_(kept),
        period_ns_(plan.rate > 0 ? static_cast<double>(kSecond) / plan.rate : 0),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    slots_.reserve(plan.connections);
    for (unsigned i = 0; i < plan.connections; ++i) {
      slots_.push_back(Slot{.client = HttpClient(target, plan.request)});
      free_.push_back(i);
    }
  }

  // The exit code.
  int run() {
    if (!plan_.new_connections && !open_all()) {
      return 1;
    }
    start_ = Clock::now();
    const uint64_t schedule_ns = ns_of(plan_.duration), last_ns = schedule_ns + ns_of(plan_.patience);
    total_ = plan_.rate > 0 ? static_cast<uint64_t>(static_cast<double>(schedule_ns) / period_ns_) : 0;
    counts_.due = total_;
    while (true) {
      uint64_t now = now_ns();
      while (!free_.empty() && !broken_ && is_due(now, schedule_ns)) {
        begin(now);
        now = now_ns();
      }
      const bool over = is_open() ? next_ == total_ : now >= schedule_ns;
      if (broken_ || now >= last_ns || (over && free_.size() == slots_.size())) {
        break;
      }
      turn(now, over ? last_ns : (free_.empty() ? last_ns : (is_open() ? due_ns(next_) : schedule_ns)));
    }
    keep_unanswered();
    return broken_ ? 1 : 0;
  }

 private:
  struct Slot {
    HttpClient client;
    bool is_busy = false;   // a request is under way
    unsigned requests = 0;  // that its connection has carried
    uint64_t due_ns = 0;
    int watched = -1;       // the descriptor that epoll knows
    uint32_t interest = 0;  // for what
  };

  [[nodiscard]] bool is_open() const { return plan_.rate > 0; }
  [[nodiscard]] uint64_t now_ns() const { return ns_of(Clock::now() - start_); }
  [[nodiscard]] uint64_t due_ns(uint64_t request) const {
    return static_cast<uint64_t>(static_cast<double>(request) * period_ns_);
  }
  [[nodiscard]] bool is_due(uint64_t now, uint64_t schedule_ns) const {
    return is_open() ? next_ < total_ && due_ns(next_) <= now : now < schedule_ns;
  }

  bool open_all() {
    for (unsigned i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].client.open()) {
        counts_.note(slots_[i].client.failure());
        return false;
      }
      watch(i);
    }
    return true;
  }

  void begin(uint64_t now) {
    const unsigned number = free_.front();
    free_.pop_front();
    Slot& slot = slots_[number];
    slot.is_busy = true;
    slot.due_ns = now;
    if (is_open()) {
      slot.due_ns = due_ns(next_++);
      // A request that waited for a connection is not the generator's lateness.
      counts_.lateness.record(now - std::max(slot.due_ns, freed_ns_));
    } else {
      ++counts_.due;
    }
    take(number, slot.client.send());
  }

  void turn(uint64_t now, uint64_t until) {
    std::array<epoll_event, 256> events;
    const uint64_t wait = until > now ? until - now : 0;
    const timespec timeout{.tv_sec = static_cast<time_t>(wait / kSecond), .tv_nsec = static_cast<long>(wait % kSecond)};
    const int count = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < count && !broken_; ++i) {
      const uint32_t number = events[static_cast<size_t>(i)].data.u32;
      Slot& slot = slots_[number];
      if (slot.is_busy) {
        take(number, slot.client.advance());
      } else {
        slot.client.close();  // the server has ended a kept connection
        slot.watched = -1;
      }
    }
  }

  // What a step of a connection came to.
  void take(unsigned number, Step step) {
    Slot& slot = slots_[number];
    if (step == Step::kWait) {
      watch(number);
      return;
    }
    const uint64_t now = now_ns();
    if (step == Step::kAnswered) {
      ++counts_.answered;
      counts_.elapsed_ns = now;
      counts_.latency.record(now - slot.due_ns);
      if (plan_.new_connections || ++slot.requests == plan_.requests_per_connection) {
        slot.client.close();
        slot.requests = 0;
      }
    } else {
      ++counts_.failed;
      counts_.note(slot.client.failure());
      broken_ = !plan_.keeps_requests;
    }
    keep(slot.due_ns, step == Step::kAnswered ? (now - slot.due_ns) / 1000 : TimedRequest::kFailed);
    if (!slot.client.is_open()) {
      slot.watched = -1;  // closing took it out of epoll
    } else {
      watch(number);
    }
    if (free_.empty()) {
      freed_ns_ = now;
    }
    slot.is_busy = false;
    free_.push_back(number);
  }

  // What was due and has no answer is as lost as what failed.
  void keep_unanswered() {
    if (!plan_.keeps_requests) {
      return;
    }
    for (Slot& slot : slots_) {
      if (slot.is_busy) {
        ++counts_.failed;
        keep(slot.due_ns, TimedRequest::kFailed);
      }
    }
    for (; next_ < total_; ++next_) {
      ++counts_.failed;
      keep(due_ns(next_), TimedRequest::kFailed);
    }
  }

  void keep(uint64_t due_ns, uint64_t latency_us) {
    if (counts_.samples < kept_.size()) {
      kept_[counts_.samples++] = {
          .due_us = static_cast<uint32_t>(due_ns / 1000),
          .latency_us = static_cast<uint32_t>(std::min<uint64_t>(latency_us, TimedRequest::kFailed))};
    }
  }

  void watch(unsigned number) {
    Slot& slot = slots_[number];
    const uint32_t interest = EPOLLIN | (slot.client.wants_write() ? uint32_t{EPOLLOUT} : 0);
    if (slot.watched == slot.client.fd() && slot.interest == interest) {
      return;
    }
    epoll_event event{.events = interest, .data = {.u32 = number}};
    epoll_ctl(epoll_.get(), slot.watched == slot.client.fd() ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, slot.client.fd(), &event);
    slot.watched = slot.client.fd();
    slot.interest = interest;
  }

  const HttpPlan& plan_;
  LoadCounts& counts_;
  std::span<TimedRequest> kept_;
  const double period_ns_;
  const Fd epoll_;
  Clock::time_point start_;
  std::vector<Slot> slots_;
  std::deque<unsigned> free_;      // each has its turn
  uint64_t next_ = 0, total_ = 0;  // requests of the schedule
  uint64_t freed_ns_ = 0;          // when a connection was free again after none was
  bool broken_ = false;
};

}  // namespace

Result<RunningLoad> start_http(const HttpPlan& plan, const Place& place) {
  const auto target = socket_address(plan.target);
  if (!target) {
    return std::unexpected(target.error());
  }
  constexpr std::chrono::seconds kToStart(5);
  const double expected = plan.rate * std::chrono::duration<double>(plan.duration).count();
  return RunningLoad::start(
      [&](LoadCounts& counts, std::span<TimedRequest> kept) {
        host::raise_open_files();
        return Child(plan, *target, counts, kept).run();
      },
      place, plan.duration + plan.patience + kToStart, plan.keeps_requests ? static_cast<size_t>(expected) + 1 : 0);
}

}  // namespace fairlead::bench
