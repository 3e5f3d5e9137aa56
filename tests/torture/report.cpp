#include "tests/torture/report.h"

#include <fmt/core.h>
#include <fmt/format.h>

namespace fairlead::torture {

void Report::fail(Connection& connection, const std::string& words) {
  if (connection.failed.exchange(true)) {
    return;
  }
  fail(fmt::format("connection {}: {}\n  ({})", connection.plan.id, words, text(connection.plan)));
}

void Report::fail(const std::string& words) {
  const std::lock_guard lock(mutex_);
  if (++failures_ <= kMostWords) {
    fmt::print(stderr, "{}\n", words);
  }
}

bool Report::failed() const {
  const std::lock_guard lock(mutex_);
  return failures_ != 0;
}

void Report::count(const EndPlan& plan) {
  sending_[static_cast<size_t>(plan.sending)]++;
  receiving_[static_cast<size_t>(plan.receiving)]++;
  waiting_[static_cast<size_t>(plan.waiting)]++;
}

void Report::stalled(uint64_t unread) {
  stalls_++;
  uint64_t most = most_unread_;
  while (unread > most && !most_unread_.compare_exchange_weak(most, unread)) {
  }
}

std::string Report::json(const std::deque<Connection>& connections) const {
  uint64_t complete = 0, bytes = 0;
  for (const auto& connection : connections) {
    complete += connection.plan.complete() && !connection.failed ? 1 : 0;
    bytes += connection.up.received + connection.down.received;
  }
  const auto list = [](const auto& counters) {
    std::string words;
    for (const auto& counter : counters) {
      words += fmt::format("{}{}", words.empty() ? "" : ", ", counter.load());
    }
    return words;
  };
  const std::lock_guard lock(mutex_);
  return fmt::format(
      R"({{"connections": {}, "complete": {}, "bytes": {}, "failures": {}, "stalls": {}, "most_unread": {}, "kept": {}, )"
      R"("resets_seen": {}, "resets_as_end": {}, "switches": {}, "sending": [{}], "receiving": [{}], "waiting": [{}]}})",
      connections.size(), complete, bytes, failures_, stalls_.load(), most_unread_.load(), kept.load(),
      resets_seen.load(), resets_as_end.load(), switches.load(), list(sending_), list(receiving_), list(waiting_));
}

}  // namespace fairlead::torture
