#include "agent/compile/mode.h"

#include <fmt/format.h>

namespace fairlead::compile {
namespace {

using config::Mode;

constexpr std::string_view kModeKey = "fairlead.dev/mode";
constexpr std::string_view kInjectKey = "sidecar.istio.io/inject";
constexpr std::string_view kDataplaneKey = "istio.io/dataplane-mode";
constexpr std::string_view kInjectionKey = "istio-injection";

std::string reason(const model::Metadata& meta, std::string_view key, std::string_view where) {
  const bool label = meta.labels.find(key) != meta.labels.end();
  return fmt::format("{} {} on the {}", label ? "label" : "annotation", key, where);
}

std::optional<ModeDecision> overridden(const model::Pod& pod, const ModeOverrides& overrides) {
  for (const std::string& key :
       {fmt::format("pod/{}/{}", pod.meta.ns, pod.meta.name), fmt::format("ns/{}", pod.meta.ns)}) {
    if (const auto found = overrides.find(key); found != overrides.end()) {
      return ModeDecision{found->second, fmt::format("fairlead mode {}", key)};
    }
  }
  return std::nullopt;
}

std::optional<ModeDecision> own_key(const model::Metadata& meta, std::string_view where) {
  const auto text = meta.label_or_annotation(kModeKey);
  const auto mode = text ? parse_mode(*text) : std::nullopt;
  if (!mode) {
    return std::nullopt;
  }
  return ModeDecision{*mode, reason(meta, kModeKey, where)};
}

// Both of Istio's keys on one pod: whoever asks for a data plane gets it (a pod that refuses injection may well be in
// the ambient mesh), and the sidecar goes first, as in Istio.
std::optional<ModeDecision> istio_keys_of_pod(const model::Metadata& meta) {
  const auto inject = meta.label_or_annotation(kInjectKey);
  const auto dataplane = meta.label_or_annotation(kDataplaneKey);
  if (inject == "true") {
    return ModeDecision{Mode::kSidecar, reason(meta, kInjectKey, "pod")};
  }
  if (dataplane == "ambient" || dataplane == "none") {
    return ModeDecision{dataplane == "ambient" ? Mode::kNode : Mode::kOff, reason(meta, kDataplaneKey, "pod")};
  }
  if (inject == "false") {
    return ModeDecision{Mode::kOff, reason(meta, kInjectKey, "pod")};
  }
  return std::nullopt;
}

std::optional<ModeDecision> istio_keys_of_namespace(const model::Metadata& meta) {
  if (meta.label_or_annotation(kInjectionKey) == "enabled") {
    return ModeDecision{Mode::kSidecar, reason(meta, kInjectionKey, "namespace")};
  }
  if (meta.label_or_annotation(kDataplaneKey) == "ambient") {
    return ModeDecision{Mode::kNode, reason(meta, kDataplaneKey, "namespace")};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Mode> parse_mode(std::string_view text) {
  for (const Mode mode : {Mode::kOff, Mode::kNode, Mode::kSidecar}) {
    if (text == mode_name(mode)) {
      return mode;
    }
  }
  return std::nullopt;
}

std::string_view mode_name(Mode mode) {
  switch (mode) {
    case Mode::kOff:
      return "off";
    case Mode::kNode:
      return "node";
    case Mode::kSidecar:
      return "sidecar";
  }
  return "off";
}

ModeDecision decide_mode(const model::Pod& pod, const model::Namespace* ns, const ModeOverrides& overrides,
                         Mode default_mode) {
  if (pod.host_network) {
    return {Mode::kOff, "hostNetwork"};
  }
  if (auto decision = overridden(pod, overrides)) {
    return *std::move(decision);
  }
  if (auto decision = own_key(pod.meta, "pod")) {
    return *std::move(decision);
  }
  if (auto decision = istio_keys_of_pod(pod.meta)) {
    return *std::move(decision);
  }
  if (ns != nullptr) {
    if (auto decision = own_key(ns->meta, "namespace")) {
      return *std::move(decision);
    }
    if (auto decision = istio_keys_of_namespace(ns->meta)) {
      return *std::move(decision);
    }
  }
  if (const auto found = overrides.find("default"); found != overrides.end()) {
    return {found->second, "fairlead mode default"};
  }
  return {default_mode, "default"};
}

}  // namespace fairlead::compile
