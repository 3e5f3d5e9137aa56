// The trafficPolicy of a DestinationRule and of its subsets: all of it is checked, and what is in force is read.
#pragma once

#include "agent/model/objects.h"
#include "agent/model/reader.h"

#include <chrono>
#include <optional>

namespace fairlead::model {

struct TrafficPolicy {
  std::chrono::milliseconds connect_timeout{0};  // 0: it says none
  std::optional<LoadBalancer> load_balancer;     // nullopt: it says none
};
TrafficPolicy read_traffic_policy(const Cursor& at);

// loadBalancer (load_balancer.cpp); failover works only beside outlierDetection.
enum class Outliers : uint8_t { kDetected, kNotDetected };
std::optional<LoadBalancer> read_load_balancer(const Cursor& at, Outliers outliers);

}  // namespace fairlead::model
