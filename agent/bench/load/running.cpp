#include "agent/bench/load/running.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace fairlead::bench {
namespace {

TimedRequest* behind(LoadCounts* counts) { return reinterpret_cast<TimedRequest*>(counts + 1); }

}  // namespace

void LoadCounts::note(std::string_view failure) {
  if (error[0] == '\0') {
    std::ranges::copy(failure.substr(0, sizeof error - 1), error);
  }
}

void RunningLoad::Unmap::operator()(LoadCounts* counts) const { munmap(counts, bytes); }

Result<RunningLoad> RunningLoad::start(const Body& body, const Place& place, std::chrono::milliseconds longest,
                                       size_t samples) {
  const size_t bytes = sizeof(LoadCounts) + samples * sizeof(TimedRequest);
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return fail_sys("mmap");
  }
  RunningLoad load(Shared(new (memory) LoadCounts, Unmap{bytes}), Clock::now() + longest);
  LoadCounts* const counts = load.counts_.get();
  auto child = Process::call([&] { return body(*counts, {behind(counts), samples}); }, place, {});
  if (!child) {
    return std::unexpected(child.error());
  }
  load.process_ = std::move(*child);
  return load;
}

Result<Ended> RunningLoad::wait(const Interrupt& interrupt) {
  auto ended = process_.wait(interrupt, until_);
  if (!ended) {
    return fail(ended.error(), "the load");
  }
  if (!ended->is_success()) {
    return fail(counts_->error[0] != '\0' ? fmt::format("a request failed: {}", counts_->error)
                                          : std::string("the load generator ended early"));
  }
  return ended;
}

std::span<const TimedRequest> RunningLoad::samples() const { return {behind(counts_.get()), counts_->samples}; }

}  // namespace fairlead::bench
