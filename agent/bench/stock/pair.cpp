#include "agent/bench/stock/pair.h"

#include "agent/bench/stock/serving.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fairlead::bench {

Result<StockPair> StockPair::start(const StockProxy& proxy, const Stage& stage, uint16_t server_port,
                                   const std::vector<int>& cpus, const Interrupt& interrupt) {
  StockPair pair(proxy);
  const Endpoint application{"127.0.0.1", server_port}, server_side{stage.server().address, proxy.port};
  for (const auto& [pod, upstream] : {std::pair(&stage.server(), &application), {&stage.client(), &server_side}}) {
    const Seat seat{stage, *pod, fmt::format("{}/{}-{}", stage.folder(), proxy.program, pod->name), *upstream};
    if (mkdir(seat.folder.c_str(), 0755) != 0) {
      return fail_sys(seat.folder);
    }
    if (const Status written = proxy.configure(seat); !written) {
      return std::unexpected(written.error());
    }
    auto process = start_serving(seat.folder, proxy.command(seat, program_of(proxy)), {pod->netns, cpus}, interrupt,
                                 [&] { return proxy.count(seat, interrupt).has_value(); });
    if (!process) {
      return std::unexpected(process.error());
    }
    pair.processes_.push_back(std::move(*process));
    pair.seats_.push_back(seat);
  }
  return pair;
}

Endpoint StockPair::entrance(uint16_t server_port) const {
  return proxy_->port != 0 ? Endpoint{"127.0.0.1", proxy_->port} : Endpoint{seats_.front().pod.address, server_port};
}

Status StockPair::capture(bool is_on, const Interrupt& interrupt) {
  for (const Seat& seat : seats_) {
    if (const Status done = proxy_->capture(seat, is_on, interrupt); !done) {
      return done;
    }
  }
  return {};
}

Status StockPair::enter(const Interrupt& interrupt) {
  if (proxy_->capture == nullptr || is_entered_) {
    return {};
  }
  is_entered_ = true;
  return capture(true, interrupt);
}

Status StockPair::leave(const Interrupt& interrupt) {
  if (!is_entered_) {
    return {};
  }
  is_entered_ = false;
  return capture(false, interrupt);
}

Result<std::vector<uint64_t>> StockPair::counts(const Interrupt& interrupt) const {
  std::vector<uint64_t> counts;
  for (const Seat& seat : seats_) {
    const auto count = proxy_->count(seat, interrupt);
    if (!count) {
      return std::unexpected(count.error());
    }
    counts.push_back(*count);
  }
  return counts;
}

Status StockPair::check(const std::vector<uint64_t>& before, uint64_t requests, uint64_t connections,
                        const Interrupt& interrupt) const {
  const auto after = counts(interrupt);
  if (!after) {
    return std::unexpected(after.error());
  }
  const bool of_requests = proxy_->counted == Counted::kRequests;
  const uint64_t expected = of_requests ? requests : connections;
  for (size_t i = 0; i < before.size(); ++i) {
    if ((*after)[i] - before[i] < expected) {
      return fail(fmt::format("a proxy of the pair counted {} {} of {}", (*after)[i] - before[i],
                              of_requests ? "requests" : "connections", expected));
    }
  }
  for (const Seat& seat : seats_) {
    for (const char* log : {"/access.log", "/output.log"}) {
      [[maybe_unused]] const int ignored = truncate((seat.folder + log).c_str(), 0);  // it only saves space
    }
  }
  return {};
}

}  // namespace fairlead::bench
