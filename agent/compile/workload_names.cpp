#include "agent/compile/workload_names.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace fairlead::compile {
namespace {

// The value of the first of these labels that the pod has, or nothing.
std::string first_label(const model::Pod& pod, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (std::string value = label_value(pod, key); !value.empty()) {
      return value;
    }
  }
  return {};
}

// "web-5d9c7b8f6b" without "-5d9c7b8f6b", if that is what the template hash says.
std::string without_hash(const std::string& name, const std::string& hash) {
  if (!hash.empty() && name.size() > hash.size() + 1 && name.ends_with("-" + hash)) {
    return name.substr(0, name.size() - hash.size() - 1);
  }
  return name;
}

// A Job that a CronJob made is named CRONJOB-NUMBER, eight to ten digits (Kubernetes: cronjob controller).
std::string without_schedule(const std::string& name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string::npos || dash == 0) {
    return name;
  }
  const std::string_view digits = std::string_view(name).substr(dash + 1);
  const bool number = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return number && digits.size() >= 8 && digits.size() <= 10 ? name.substr(0, dash) : name;
}

}  // namespace

std::string label_value(const model::Pod& pod, std::string_view key) {
  const auto found = pod.meta.labels.find(key);
  return found != pod.meta.labels.end() ? found->second : std::string();
}

std::string workload_name(const model::Pod& pod) {
  if (std::string name = label_value(pod, "service.istio.io/workload-name"); !name.empty()) {
    return name;
  }
  if (pod.owners.empty()) {
    return pod.meta.name;
  }
  const model::OwnerReference& owner = pod.owners.front();
  if (owner.kind == "ReplicaSet") {
    // Of a Deployment, or of an Argo Rollout.
    return without_hash(owner.name, first_label(pod, {"pod-template-hash", "rollouts-pod-template-hash"}));
  }
  if (owner.kind == "Job") {
    return without_schedule(owner.name);
  }
  return owner.name;
}

std::string canonical_service(const model::Pod& pod) {
  std::string name = first_label(pod, {"service.istio.io/canonical-name", "app.kubernetes.io/name", "app"});
  return name.empty() ? workload_name(pod) : name;
}

std::string canonical_revision(const model::Pod& pod) {
  std::string revision =
      first_label(pod, {"service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"});
  return revision.empty() ? "latest" : revision;
}

}  // namespace fairlead::compile
