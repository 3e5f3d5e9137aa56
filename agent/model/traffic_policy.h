// The trafficPolicy of a DestinationRule and of its subsets: checked; only the connect timeout is read yet.
#pragma once

#include "agent/model/reader.h"

#include <chrono>

namespace fairlead::model {

// The connect timeout of the policy, 0 if it says none.
std::chrono::milliseconds read_traffic_policy(const Cursor& at);

// loadBalancer (load_balancer.cpp); failover works only beside outlierDetection.
enum class Outliers : uint8_t { kDetected, kNotDetected };
void check_load_balancer(const Cursor& at, Outliers outliers);

}  // namespace fairlead::model
