#include "agent/api/explain_cluster.h"

#include <nlohmann/json.hpp>

namespace fairlead::api {
namespace {

std::string_view balance_name(config::Balance balance, Chooser chooser) {
  if (chooser == Chooser::kKernelForOff) {
    return "RANDOM";
  }
  switch (balance) {
    case config::Balance::kUnspecified:
      return chooser == Chooser::kKernel ? "RANDOM" : "LEAST_REQUEST";
    case config::Balance::kRoundRobin:
      return "ROUND_ROBIN";
    case config::Balance::kLeastRequest:
      return "LEAST_REQUEST";
    case config::Balance::kRandom:
      return "RANDOM";
    case config::Balance::kSource:
      return "consistentHash.useSourceIp";
  }
  return "";
}

}  // namespace

nlohmann::json cluster_json(const config::Cluster* cluster, uint32_t weight, Chooser chooser) {
  if (cluster == nullptr) {
    return {{"name", nullptr}, {"weight", weight}};
  }
  nlohmann::json out = {
      {"name", cluster->name}, {"weight", weight}, {"balance", balance_name(cluster->balance, chooser)}};
  if (cluster->affinity.count() != 0) {
    out["session_affinity_s"] = cluster->affinity.count();
  }
  return out;
}

}  // namespace fairlead::api
