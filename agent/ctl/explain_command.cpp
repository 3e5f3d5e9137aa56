#include "agent/ctl/answer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>

namespace fairlead::ctl {
namespace {

using nlohmann::json;

std::string text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "-" : value.dump();
}

void print_policy(const json& policy) {
  if (policy.contains("policy") && policy["policy"].is_string()) {
    fmt::print("    {} by {} policy {}, rule {}\n", policy.value("allowed", false) ? "allowed" : "denied",
               text(policy["action"]), text(policy["policy"]), text(policy["rule"]));
  } else {
    fmt::print("    {}: {}\n", policy.value("allowed", false) ? "allowed" : "denied", policy.value("because", ""));
  }
}

void print_explanation(const json& answer) {
  fmt::print("from      {} (mode {}, {})\n", text(answer["from"]["workload"]), text(answer["from"]["mode"]),
             text(answer["from"]["principal"]));
  fmt::print("to        {} ({})\n", text(answer["to"]["address"]), text(answer["to"]["service"]));
  fmt::print("path      {}: {}\n", text(answer["path"]), text(answer["path_reason"]));
  if (answer.contains("route")) {
    fmt::print("route     {}", text(answer["route"]["table"]));
    if (answer["route"].contains("rule")) {
      fmt::print(", rule {} {}", text(answer["route"]["rule"]), text(answer["route"]["name"]));
    }
    fmt::print("\n");
  }
  for (const json& cluster : answer.value("clusters", json::array())) {
    fmt::print("cluster   {} (weight {})\n", text(cluster["name"]), text(cluster["weight"]));
    if (cluster.contains("balance")) {
      fmt::print("    {}{}\n", text(cluster["balance"]),
                 cluster.contains("session_affinity_s")
                     ? fmt::format(", a client keeps its endpoint for {} s after its last connection",
                                   text(cluster["session_affinity_s"]))
                     : "");
    }
  }
  for (const json& endpoint : answer.value("endpoints", json::array())) {
    fmt::print("endpoint  {} {}\n", text(endpoint["address"]),
               endpoint.contains("workload")
                   ? fmt::format("({}, mode {})", text(endpoint["workload"]), text(endpoint["mode"]))
                   : "");
    if (endpoint.contains("policy")) {
      print_policy(endpoint["policy"]);
    }
  }
  const std::string reason = answer.value("verdict_reason", "");
  fmt::print("verdict   {}{}{}\n", text(answer["verdict"]), reason.empty() ? "" : ": ", reason);
}

}  // namespace

int explain(const Settings& settings, const ExplainArguments& arguments) {
  const json request = {{"op", "explain"},        {"from", arguments.from},
                        {"to", arguments.to},     {"method", arguments.method},
                        {"path", arguments.path}, {"headers", arguments.headers}};
  return ask_and_print(settings, request, "explain", print_explanation);
}

}  // namespace fairlead::ctl
