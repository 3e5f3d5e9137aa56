#include "agent/front.h"

#include "agent/api/config_dump.h"
#include "agent/api/explain.h"
#include "agent/api/metrics.h"
#include "agent/workload/wanted.h"
#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace fairlead::agent {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kLongestWait{3600};

api::HttpAnswer json_answer(const json& object) {
  return {.content_type = "application/json",
          .body = object.dump(2, ' ', false, json::error_handler_t::replace) + "\n"};
}

const api::HttpAnswer kNotFound{.status = 404, .body = "not found\n"};

}  // namespace

Front::Front(Parts parts, api::AgentFacts facts)
    : parts_(parts), facts_(std::move(facts)), flows_(parts.loop, parts.fleet.arenas(), parts.flows) {}

Status Front::open(const Places& places) {
  struct Endpoint {
    const char* name;
    const api::ListenAddress& wanted;
    std::unique_ptr<api::HttpEndpoint>& opened;
    api::HttpAnswer (Front::*answer)(std::string_view) const;
  };
  for (const Endpoint& endpoint : {Endpoint{"metrics", places.metrics, metrics_endpoint_, &Front::answer_metrics_port},
                                   Endpoint{"ready", places.ready, ready_endpoint_, &Front::answer_ready_port},
                                   Endpoint{"admin", places.admin, admin_endpoint_, &Front::answer_admin_port}}) {
    auto opened = api::HttpEndpoint::open(
        parts_.loop, endpoint.wanted,
        [this, answer = endpoint.answer](std::string_view path) { return (this->*answer)(path); });
    if (!opened) {
      return fail(opened.error(), fmt::format("{} endpoint", endpoint.name));
    }
    endpoint.opened = std::move(*opened);
    facts_.addresses[endpoint.name] = endpoint.opened->address().text();
  }
  auto socket = api::AdminSocket::open(parts_.loop, places.socket);
  if (!socket) {
    return std::unexpected(socket.error());
  }
  admin_socket_ = std::move(*socket);
  add_admin_requests();
  return {};
}

void Front::add_admin_requests() {
  admin_socket_->on("status", [this](const json&, const api::Answer& answer) { answer.done({{"status", status()}}); });
  admin_socket_->on("metrics", [this](const json&, const api::Answer& answer) { answer.done({{"text", metrics()}}); });
  admin_socket_->on("wait", [this](const json& request, const api::Answer& answer) { answer_wait(request, answer); });
  admin_socket_->on("mode", [this](const json& request, const api::Answer& answer) { answer_mode(request, answer); });
  admin_socket_->on("accelerate",
                    [this](const json& request, const api::Answer& answer) { answer_accelerate(request, answer); });
  admin_socket_->on("explain",
                    [this](const json& request, const api::Answer& answer) { answer_explain(request, answer); });
  admin_socket_->on("flows", [this](const json& request, const api::Answer& answer) {
    flows_.answer(
        {.follow = request.value("follow", false), .since_unix_ns = request.value("since_unix_ns", int64_t{0})},
        answer);
  });
}

void Front::answer_wait(const json& request, const api::Answer& answer) {
  const std::chrono::milliseconds timeout(request.value("timeout_ms", int64_t{20'000}));
  const auto deadline = WaitBook::Clock::now() + std::clamp<std::chrono::milliseconds>(timeout, {}, kLongestWait);
  parts_.reconciler.wait(deadline, [this, answer](const std::vector<std::string>& missing) {
    json warnings = json::array();
    for (const model::Message& message : parts_.reconciler.messages()) {
      if (message.severity != model::Severity::kInfo) {
        warnings.push_back(message.line());
      }
    }
    answer.done({{"in_force", missing.empty()},
                 {"generation", parts_.reconciler.generation()},
                 {"missing", missing},
                 {"warnings", std::move(warnings)}});
  });
}

// {"target": "pod/shop/client"} shows, with "mode": "node" | "sidecar" | "off" | "default" it sets.
void Front::answer_mode(const json& request, const api::Answer& answer) {
  const std::string target = request.value("target", "");
  if (!workload::is_mode_target(target)) {
    answer.refuse(fmt::format("\"{}\" is not a target; write pod/NAMESPACE/NAME, ns/NAMESPACE or default", target));
    return;
  }
  const bool known = !target.starts_with("pod/") || parts_.registry.pods().contains(target.substr(4));
  // The override of a pod that is gone can still be taken back.
  if (!known && !(parts_.modes.get(target) && request.value("mode", "") == "default")) {
    answer.refuse(fmt::format("no pod {} with a network namespace on this node; \"fairlead status\" lists them",
                              target.substr(4)));
    return;
  }
  if (request.contains("mode")) {
    const std::string text = request.value("mode", "");
    const auto mode = compile::parse_mode(text);
    if (!mode && text != "default") {
      answer.refuse(fmt::format("\"{}\" is not a mode; write node, sidecar, off or default", text));
      return;
    }
    if (Status set = parts_.modes.set(target, mode); !set) {
      answer.refuse(set.error().message());
      return;
    }
    log::info("mode override: {} {}", target, text);
    parts_.reconciler.run_now();
  }
  const auto override = parts_.modes.get(target);
  json pods = json::array();
  for (const auto& [uid, pod] : parts_.registry.pods()) {
    const bool meant = target == "default" || target == "pod/" + uid || uid.starts_with(target.substr(3) + "/");
    if (meant) {
      pods.push_back({{"pod", uid},
                      {"mode", compile::mode_name(workload::from_kernel(pod.mode))},
                      {"wanted_mode", compile::mode_name(workload::from_kernel(pod.wanted_mode))},
                      {"reason", pod.mode_reason}});
    }
  }
  answer.done({{"target", target},
               {"override", override ? json(compile::mode_name(*override)) : json(nullptr)},
               {"pods", std::move(pods)}});
}

// {} shows, with "to": "on" | "off" it turns.
void Front::answer_accelerate(const json& request, const api::Answer& answer) {
  if (request.contains("to")) {
    const std::string to = request.value("to", "");
    if (to != "on" && to != "off") {
      answer.refuse(fmt::format("\"{}\" is neither on nor off", to));
      return;
    }
    if (Status turned = parts_.accelerator.turn(to == "on"); !turned) {
      answer.refuse(turned.error().message());
      return;
    }
    log::info("acceleration: {}", to);
  }
  answer.done({{"acceleration", parts_.accelerator.report()}});
}

void Front::answer_explain(const json& request, const api::Answer& answer) {
  const auto to = api::parse_host_port(request.value("to", ""));
  const std::string from = request.value("from", "");
  if (!to || !from.starts_with("pod/")) {
    answer.refuse(to ? fmt::format("\"{}\" is not pod/NAMESPACE/NAME", from) : to.error().message());
    return;
  }
  if (parts_.reconciler.snapshot() == nullptr) {
    answer.refuse("no configuration has been compiled yet");
    return;
  }
  const api::ExplainQuery query{.from = from.substr(4),
                                .host = to->first,
                                .port = to->second,
                                .method = request.value("method", "GET"),
                                .path = request.value("path", "/"),
                                .headers = request.value("headers", std::map<std::string, std::string>())};
  auto explained = api::explain(*parts_.reconciler.snapshot(), query);
  if (!explained) {
    answer.refuse(explained.error().message());
    return;
  }
  answer.done({{"explain", std::move(*explained)}});
}

api::ConfigState Front::config_state() const {
  return {.generation = parts_.reconciler.generation(),
          .kernel_generation = parts_.reconciler.kernel_generation(),
          .missing = parts_.reconciler.missing(),
          .messages = &parts_.reconciler.messages(),
          .snapshot = parts_.reconciler.snapshot().get(),
          .overrides = &parts_.modes.overrides()};
}

json Front::status() const {
  json out = api::status_json(facts_, config_state(), parts_.registry, parts_.fleet);
  out["acceleration"] = parts_.accelerator.report();
  for (json& pod : out["pods"]) {
    if (const auto found = parts_.registry.pods().find(pod["pod"]); found != parts_.registry.pods().end()) {
      pod["acceleration"] = parts_.accelerator.describe(found->second);
    }
  }
  return out;
}

std::string Front::metrics() const {
  api::OwnMetrics own{.version = facts_.version,
                      .generation = parts_.reconciler.generation(),
                      .kernel_generation = parts_.reconciler.kernel_generation(),
                      .rejected_objects = 0,
                      .proxies = parts_.fleet.counts(),
                      .pods = {{"node", 0}, {"sidecar", 0}, {"off", 0}},
                      .kernel = parts_.datapath.counters(),
                      .ended = parts_.flows.ended()};
  std::set<std::string> rejected;
  for (const model::Message& message : parts_.reconciler.messages()) {
    if (message.severity == model::Severity::kError) {
      rejected.insert(message.origin.file + " " + message.object);
    }
  }
  own.rejected_objects = rejected.size();
  for (const auto& [uid, pod] : parts_.registry.pods()) {
    ++own.pods[std::string(compile::mode_name(workload::from_kernel(pod.mode)))];
  }
  telemetry::SeriesSum series = parts_.fleet.arenas().sum();
  parts_.flows.add_to(series);
  return api::metrics_text(series, own);
}

// Something is in force, and the node proxy answers for it.
bool Front::is_ready() const {
  const auto& proxies = parts_.fleet.proxies();
  return !ending_ && parts_.reconciler.kernel_generation() != 0 && !proxies.empty() && proxies.front()->has_applied(1);
}

api::HttpAnswer Front::answer_metrics_port(std::string_view path) const {
  if (path == "/metrics" || path == "/stats/prometheus") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics()};
  }
  if (path == "/health") {
    return {.body = "ok\n"};
  }
  return answer_ready_port(path);
}

api::HttpAnswer Front::answer_ready_port(std::string_view path) const {
  if (path != "/healthz/ready") {
    return kNotFound;
  }
  return is_ready() ? api::HttpAnswer{.body = "ready\n"} : api::HttpAnswer{.status = 503, .body = "not ready\n"};
}

api::HttpAnswer Front::answer_admin_port(std::string_view path) const {
  if (path == "/status") {
    return json_answer(status());
  }
  if (path == "/workloads") {
    return json_answer(api::pods_json(config_state(), parts_.registry));
  }
  if (path == "/config_dump") {
    return json_answer(api::config_dump_json(parts_.reconciler.compiled_bytes()));
  }
  return kNotFound;
}

}  // namespace fairlead::agent
