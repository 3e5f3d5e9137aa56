// `fairlead status`: the state of an agent as JSON (docs/admin-socket.md). Reads, changes nothing. Main thread only.
#pragma once

#include "agent/broker/fleet.h"
#include "agent/compile/mode.h"
#include "agent/kernel/datapath.h"
#include "agent/model/objects.h"
#include "agent/workload/registry.h"
#include "userspace-proxy/config/snapshot.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace fairlead::api {

// What does not change while an agent runs.
struct AgentFacts {
  std::string version, node_name, config_dir, run_dir, pin_dir, own_cgroup, hook_cgroup;
  std::map<std::string, std::string> addresses;  // "metrics", "ready", "admin" -> where it listens
  std::vector<kernel::Feature> features;
  std::chrono::system_clock::time_point started;
};

struct ConfigState {
  uint64_t generation = 0, kernel_generation = 0;
  std::vector<std::string> missing;
  const std::vector<model::Message>* messages = nullptr;
  const config::Snapshot* snapshot = nullptr;  // null before the first
  const compile::ModeOverrides* overrides = nullptr;
};

nlohmann::json status_json(const AgentFacts& facts, const ConfigState& config, const workload::Registry& registry,
                           const agent_broker::Fleet& fleet);

// The pods alone: the admin endpoint's /workloads.
nlohmann::json pods_json(const ConfigState& config, const workload::Registry& registry);

}  // namespace fairlead::api
