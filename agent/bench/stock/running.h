// Stock proxies of a path (bench/stock/proxy.h), running: a pair, or one alone. Main thread only.
#pragma once

#include "agent/bench/stock/proxy.h"

#include <map>
#include <string>
#include <vector>

namespace fairlead::bench {

struct StockPlan {
  Path path;                 // one that has them (stock_proxy); the program must be there
  uint16_t server_port = 0;  // where the application listens
  std::vector<int> cpus;
};

class StockPath {
 public:
  static Result<StockPath> start(const StockPlan& plan, const Stage& stage, const Interrupt& interrupt);

  // Where a client in the client's pod asks, to reach this port of the server.
  [[nodiscard]] Endpoint entrance(uint16_t server_port) const;
  // Before and after loads on it.
  Status enter(const Interrupt& interrupt);
  Status leave(const Interrupt& interrupt);

  // By each proxy, so far.
  [[nodiscard]] Result<std::vector<uint64_t>> counts(const Interrupt& interrupt) const;
  // An error if one has not had the load since `before`.
  Status check(const std::vector<uint64_t>& before, uint64_t requests, uint64_t connections,
               const Interrupt& interrupt) const;
  // "client-sidecar", "server-sidecar".
  [[nodiscard]] std::map<std::string, pid_t> processes() const;

 private:
  explicit StockPath(const StockProxy& proxy) : proxy_(&proxy) {}
  Status capture(bool is_on, const Interrupt& interrupt);

  const StockProxy* proxy_;
  std::vector<Seat> seats_;
  std::vector<Process> processes_;
  bool is_entered_ = false;
};

}  // namespace fairlead::bench
