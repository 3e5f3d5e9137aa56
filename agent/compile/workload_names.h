// How a pod's workload is called in metrics. Pure, any thread.
// Sources: istiod's kube.GetDeployMetaFromPod; istio.io/latest/docs/reference/config/metrics, and the canonical
// service's definition there.
#pragma once

#include "agent/model/objects.h"

#include <string>

namespace fairlead::compile {

// The Deployment, StatefulSet, CronJob or the like that owns the pod; without an owner the pod.
std::string workload_name(const model::Pod& pod);
std::string canonical_service(const model::Pod& pod);
std::string canonical_revision(const model::Pod& pod);
// A label's value; empty without it (telemetry writes "unknown").
std::string label_value(const model::Pod& pod, std::string_view key);

}  // namespace fairlead::compile
