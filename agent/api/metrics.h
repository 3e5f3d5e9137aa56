// The agent's /metrics: Istio's metrics out of the proxies' arenas, then our own (fairlead_*). Pure.
#pragma once

#include "agent/broker/proxy.h"
#include "agent/kernel/datapath.h"
#include "userspace-proxy/telemetry/prometheus.h"

#include <cstdint>
#include <map>
#include <string>

namespace fairlead::api {

struct OwnMetrics {
  std::string version;
  uint64_t generation = 0, kernel_generation = 0;
  uint64_t rejected_objects = 0;
  agent_broker::ProxyCounts proxies;
  std::map<std::string, uint64_t> pods;  // by mode
  kernel::Counters kernel;
  std::map<Reason, uint64_t> ended;  // open connections of the kernel path that were ended
};

// Prometheus text, exposition format 0.0.4.
std::string own_metrics_text(const OwnMetrics& metrics);
std::string metrics_text(const telemetry::SeriesSum& series, const OwnMetrics& metrics);

}  // namespace fairlead::api
