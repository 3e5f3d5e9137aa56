#include "agent/wait_book.h"

#include <algorithm>
#include <iterator>

namespace fairlead::agent {

void WaitBook::settle(Clock::time_point now, const std::vector<std::string>& missing) {
  const auto first_due = std::ranges::stable_partition(
      waiters_, [&](const Waiter& waiter) { return !missing.empty() && waiter.deadline > now; });
  std::vector<Waiter> due(std::make_move_iterator(first_due.begin()), std::make_move_iterator(first_due.end()));
  waiters_.erase(first_due.begin(), first_due.end());
  for (const Waiter& waiter : due) {
    waiter.done(missing);
  }
}

std::optional<WaitBook::Clock::time_point> WaitBook::next_deadline() const {
  const auto earliest = std::ranges::min_element(waiters_, {}, &Waiter::deadline);
  return earliest == waiters_.end() ? std::nullopt : std::optional(earliest->deadline);
}

}  // namespace fairlead::agent
