// How explain tells a cluster: its name, and how one of its endpoints is chosen. Any thread.
#pragma once

#include "userspace-proxy/config/snapshot.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>

namespace fairlead::api {

// Who chooses the endpoint: they differ where no DestinationRule says how. For a pod that is off no DestinationRule
// says anything.
enum class Chooser : uint8_t { kKernel, kKernelForOff, kProxy };

// {name, weight, balance, session_affinity_s}; `balance` in Istio's words, the last one only where there is affinity.
// Null: the destination does not exist.
nlohmann::json cluster_json(const config::Cluster* cluster, uint32_t weight, Chooser chooser);

}  // namespace fairlead::api
