#include "agent/bench/stock/running.h"

#include "agent/bench/stock/serving.h"
#include "agent/host/file.h"

#include <fmt/format.h>
#include <unistd.h>

namespace fairlead::bench {

Result<StockPath> StockPath::start(const StockPlan& plan, const Stage& stage, const Interrupt& interrupt) {
  const StockProxy& proxy = *stock_proxy(plan.path);
  const bool is_hop = proxy.hop == plan.path;
  const auto port = static_cast<uint16_t>(proxy.port + (is_hop ? 1 : 0));
  StockPath running(proxy);
  std::vector<std::pair<const Pod*, Endpoint>> places;
  if (!is_hop) {
    places.emplace_back(&stage.server(), Endpoint{"127.0.0.1", plan.server_port});
  }
  places.emplace_back(&stage.client(), Endpoint{stage.server().address, is_hop ? plan.server_port : port});
  for (const auto& [pod, upstream] : places) {
    const std::string folder = fmt::format("{}/{}-{}", stage.folder(), name_of(plan.path), pod->name);
    const Seat seat{stage, *pod, folder, fmt::format("{}/{}", folder, proxy.file), port, upstream};
    const Status made = host::make_folder(folder),
                 written = made ? host::replace_file(seat.file, proxy.config(seat)) : made;
    if (!written) {
      return std::unexpected(written.error());
    }
    auto process = start_serving({.folder = folder,
                                  .argv = proxy.command(seat, program_of(proxy)),
                                  .place = {pod->netns, plan.cpus},
                                  .is_ready = [&] { return proxy.count(seat, interrupt).has_value(); }},
                                 interrupt);
    if (!process) {
      return std::unexpected(process.error());
    }
    running.processes_.push_back(std::move(*process));
    running.seats_.push_back(seat);
  }
  return running;
}

std::map<std::string, pid_t> StockPath::processes() const {
  std::map<std::string, pid_t> found;
  for (size_t i = 0; i < seats_.size(); ++i) {
    found[seats_[i].is_client() ? "client-sidecar" : "server-sidecar"] = processes_[i].pid();
  }
  return found;
}

Endpoint StockPath::entrance(uint16_t server_port) const {
  return proxy_->port != 0 ? Endpoint{"127.0.0.1", seats_.back().port}
                           : Endpoint{seats_.back().stage.server().address, server_port};
}

Status StockPath::capture(bool is_on, const Interrupt& interrupt) {
  for (const Seat& seat : seats_) {
    if (const Status done = proxy_->capture(seat, is_on, interrupt); !done) {
      return done;
    }
  }
  return {};
}

Status StockPath::enter(const Interrupt& interrupt) {
  if (proxy_->capture == nullptr || is_entered_) {
    return {};
  }
  is_entered_ = true;
  return capture(true, interrupt);
}

Status StockPath::leave(const Interrupt& interrupt) {
  if (!is_entered_) {
    return {};
  }
  is_entered_ = false;
  return capture(false, interrupt);
}

Result<std::vector<uint64_t>> StockPath::counts(const Interrupt& interrupt) const {
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

Status StockPath::check(const std::vector<uint64_t>& before, uint64_t requests, uint64_t connections,
                        const Interrupt& interrupt) const {
  const auto after = counts(interrupt);
  if (!after) {
    return std::unexpected(after.error());
  }
  const bool of_requests = proxy_->counted == Counted::kRequests;
  const uint64_t expected = of_requests ? requests : connections;
  for (size_t i = 0; i < before.size(); ++i) {
    if ((*after)[i] - before[i] < expected) {
      return fail(fmt::format("a proxy of the path counted {} {} of {}", (*after)[i] - before[i],
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
