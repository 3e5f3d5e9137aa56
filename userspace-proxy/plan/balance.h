// Which endpoint of a cluster a request or connection gets: the one that session affinity keeps for the client, or one
// by the cluster's way to balance. Part of the plan. Thread: any.
#pragma once

#include "userspace-proxy/plan/plan.h"

namespace fairlead::plan {

// Null: the cluster has none.
const config::Endpoint* choose_endpoint(const config::Cluster& cluster, const Outbound& from);

}  // namespace fairlead::plan
