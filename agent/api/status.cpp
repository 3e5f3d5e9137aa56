#include "agent/api/status.h"

#include "agent/workload/wanted.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace fairlead::api {
namespace {

using nlohmann::json;

std::string_view severity_name(model::Severity severity) {
  switch (severity) {
    case model::Severity::kInfo:
      return "info";
    case model::Severity::kWarning:
      return "warning";
    case model::Severity::kError:
      return "error";
  }
  return "error";
}

std::string_view protocol_name(config::Protocol protocol) {
  switch (protocol) {
    case config::Protocol::kTcp:
      return "tcp";
    case config::Protocol::kHttp:
      return "http";
    case config::Protocol::kHttp2:
      return "http2";
    case config::Protocol::kUndeclared:
      return "undeclared";
  }
  return "undeclared";
}

// Which way a connection to this port of this pod travels (design section 3's table).
std::string_view path_to(const config::Workload& workload, const config::WorkloadPort& port) {
  if (workload.netns == 0 || workload.mode == config::Mode::kOff) {
    return "untouched";
  }
  if (port.refuse_opaque) {
    return "refused";
  }
  if (workload.mode == config::Mode::kSidecar) {
    return "sidecar";
  }
  return port.protocol == config::Protocol::kHttp ? "node-proxy" : "kernel";
}

const config::Workload* workload_of(const ConfigState& config, uint64_t netns) {
  return config.snapshot != nullptr ? config.snapshot->workload_by_netns(netns) : nullptr;
}

json pod_json(const workload::LocalPod& pod, const config::Workload* workload) {
  json out = {{"pod", pod.uid},
              {"mode", compile::mode_name(workload::from_kernel(pod.mode))},
              {"wanted_mode", compile::mode_name(workload::from_kernel(pod.wanted_mode))},
              {"mode_reason", pod.mode_reason},
              {"netns", pod.netns_path},
              {"netns_cookie", pod.cookie},
              {"problem", pod.problem.empty() ? json(nullptr) : json(pod.problem)}};
  out["ips"] = json::array();
  for (const IpAddress& ip : pod.ips) {
    out["ips"].push_back(ip.text());
  }
  out["listeners"] = json::array();
  for (const workload::Listener& listener : pod.listeners) {
    out["listeners"].push_back({{"mode", listener.mode == FL_MODE_SIDECAR ? "sidecar" : "node"},
                                {"role", listener.role == broker::Role::kInbound ? "inbound" : "outbound"},
                                {"address", listener.address.text()}});
  }
  out["identity"] = workload != nullptr && workload->identity.id != 0 ? json("spiffe://" + workload->identity.principal)
                                                                      : json(nullptr);
  out["ports"] = json::array();
  if (workload != nullptr) {
    for (const config::WorkloadPort& port : workload->ports) {
      out["ports"].push_back(
          {{"port", port.port}, {"protocol", protocol_name(port.protocol)}, {"path", path_to(*workload, port)}});
    }
  }
  return out;
}

json unix_seconds(const std::optional<std::chrono::system_clock::time_point>& time) {
  return time ? json(std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count())
              : json(nullptr);
}

json proxies_json(const agent_broker::Fleet& fleet) {
  json list = json::array();
  for (const auto& proxy : fleet.proxies()) {
    list.push_back({{"name", proxy->name()},
                    {"shape", proxy->is_sidecar() ? "sidecar" : "node"},
                    {"state", name_of(proxy->state())},
                    {"pid", proxy->pid()},
                    {"adopted_unix", unix_seconds(proxy->adopted())},
                    {"restarts", proxy->counts().restarts},
                    {"generation", proxy->generation()}});
  }
  return list;
}

json messages_json(const std::vector<model::Message>& messages) {
  json list = json::array();
  for (const model::Message& message : messages) {
    list.push_back({{"code", message.code},
                    {"severity", severity_name(message.severity)},
                    {"object", message.object},
                    {"file", message.origin.file},
                    {"line", message.origin.line},
                    {"message", message.line()}});
  }
  return list;
}

}  // namespace

json pods_json(const ConfigState& config, const workload::Registry& registry) {
  json list = json::array();
  for (const auto& [uid, pod] : registry.pods()) {
    list.push_back(pod_json(pod, workload_of(config, pod.cookie)));
  }
  for (const workload::RefusedPod& pod : registry.refused()) {
    list.push_back({{"pod", pod.uid}, {"mode", "off"}, {"netns", pod.netns_path}, {"problem", pod.problem}});
  }
  return list;
}

json status_json(const AgentFacts& facts, const ConfigState& config, const workload::Registry& registry,
                 const agent_broker::Fleet& fleet) {
  json out = {
      {"version", facts.version},
      {"pid", getpid()},
      {"node", facts.node_name},
      {"config_dir", facts.config_dir},
      {"run_dir", facts.run_dir},
      {"pin_dir", facts.pin_dir},
      {"cgroup", facts.own_cgroup},
      {"hook_cgroup", facts.hook_cgroup},
      {"started_unix", std::chrono::duration_cast<std::chrono::seconds>(facts.started.time_since_epoch()).count()},
      {"addresses", facts.addresses},
      {"generation", config.generation},
      {"kernel_generation", config.kernel_generation},
      {"in_force", config.missing.empty()},
      {"missing", config.missing},
      {"proxies", proxies_json(fleet)},
      {"pods", pods_json(config, registry)},
      {"messages", messages_json(*config.messages)}};
  out["features"] = json::array();
  for (const kernel::Feature& feature : facts.features) {
    out["features"].push_back({{"name", feature.name}, {"present", feature.present}, {"meaning", feature.meaning}});
  }
  out["mode_overrides"] = json::object();
  for (const auto& [target, mode] : *config.overrides) {
    out["mode_overrides"][target] = compile::mode_name(mode);
  }
  return out;
}

}  // namespace fairlead::api
