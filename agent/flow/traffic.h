// Istio's TCP series of the kernel path: sums that the kernel keeps of ended connections, and what the open ones have
// carried until now. Main thread only.
#pragma once

#include "agent/flow/subject.h"
#include "agent/kernel/tables.h"
#include "bpf/abi/flow.h"
#include "userspace-proxy/telemetry/prometheus.h"
#include "userspace-proxy/telemetry/series.h"

#include <map>
#include <utility>
#include <vector>

namespace fairlead::flow {

class Traffic {
 public:
  using Sums = std::vector<std::pair<fl_traffic_key, fl_traffic>>;

  // `ended`, `open`: as the kernel has them now. Names of the ends are those of the first time that they are seen.
  void update(const Sums& ended, const std::vector<fl_flow>& open, const Directory& directory);
  // All series, monotonic.
  void add_to(telemetry::SeriesSum& sum) const;
  // Entries whose pods are gone and that no open connection will add to: from now on they are kept here only. To be
  // removed from the kernel's map.
  [[nodiscard]] std::vector<fl_traffic_key> retire(const Directory& directory);

 private:
  struct Known {
    telemetry::TcpLabelsOwned source, destination;
    telemetry::TcpSeries series;  // never less than it was: a connection that is just ending may be in neither list
    bool has_open = false;
  };
  using ByKey = std::map<fl_traffic_key, Known, kernel::ByteLess<fl_traffic_key>>;

  Known& known(const fl_traffic_key& key, const Directory& directory);
  static void add_series(const ByKey::value_type& entry, telemetry::SeriesSnapshot& out);

  ByKey known_;
  telemetry::SeriesSum retired_;
};

}  // namespace fairlead::flow
