// A stock proxy at either end of the path (bench/stock/proxy.h), running. Main thread only.
#pragma once

#include "agent/bench/stock/proxy.h"

namespace fairlead::bench {

class StockPair {
 public:
  // The program must be there. `server`: where the application listens, in the server's pod.
  static Result<StockPair> start(const StockProxy& proxy, const Stage& stage, uint16_t server_port,
                                 const std::vector<int>& cpus, const Interrupt& interrupt);

  // Where a client in the client's pod asks, to reach this port of the server.
  [[nodiscard]] Endpoint entrance(uint16_t server_port) const;
  // Before and after loads on it.
  Status enter(const Interrupt& interrupt);
  Status leave(const Interrupt& interrupt);

  // By each proxy, so far; the server's first.
  [[nodiscard]] Result<std::vector<uint64_t>> counts(const Interrupt& interrupt) const;
  // An error if one has not had the load since `before`.
  Status check(const std::vector<uint64_t>& before, uint64_t requests, uint64_t connections,
               const Interrupt& interrupt) const;
  [[nodiscard]] const Process& at_server() const { return processes_[0]; }
  [[nodiscard]] const Process& at_client() const { return processes_[1]; }

 private:
  explicit StockPair(const StockProxy& proxy) : proxy_(&proxy) {}
  Status capture(bool is_on, const Interrupt& interrupt);

  const StockProxy* proxy_;
  std::vector<Seat> seats_;
  std::vector<Process> processes_;
  bool is_entered_ = false;
};

}  // namespace fairlead::bench
