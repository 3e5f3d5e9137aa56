// Sets of endpoints, and how connect() chooses among them (bpf/abi/balance.h). Part of make_tables.
#pragma once

#include "agent/kernel/tables.h"

#include <cstdint>
#include <vector>

namespace fairlead::kernel {

// Fills a table's backends, slots, turns and loads. Refers to it while it lives.
class BalanceTables {
 public:
  explicit BalanceTables(Tables& out) : out_(out) {}

  // Points `target`, which `vip` is the address of, to the cluster's endpoints.
  void add(const config::Cluster& cluster, const IpAddress& vip, fl_target& target);

 private:
  uint64_t write(const config::Cluster& cluster, const std::vector<fl_backend>& backends);
  void write_slots(uint64_t set, const config::SourceRing& ring);

  Tables& out_;
};

}  // namespace fairlead::kernel
