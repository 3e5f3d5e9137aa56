#include "agent/api/explain.h"

#include "agent/api/explain_cluster.h"
#include "agent/compile/mode.h"
#include "agent/kernel/tables.h"
#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/plan/network.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <variant>
#include <vector>

namespace fairlead::api {
namespace {

using config::Endpoint;
using config::Mode;
using config::Service;
using config::Snapshot;
using config::Workload;
using nlohmann::json;

// The text of a request and its head, which points into it.
struct ParsedRequest {
  std::string text;
  http::RequestHead head;
};

struct Dialled {
  SocketAddress address;
  const Service* service = nullptr;  // whose cluster address it is, or, of a headless one, whose name was given
};

// Everything that the answer is made from.
struct Walk {
  const Snapshot& snapshot;
  const ExplainQuery& query;
  const Workload& from;
  Dialled dialled;
  json answer = json::object();
};

const Workload* find_workload(const Snapshot& snapshot, std::string_view uid) {
  for (const auto& workload : snapshot.workloads()) {
    if (workload->uid == uid) {
      return workload.get();
    }
  }
  return nullptr;
}

Result<Dialled> resolve(const Snapshot& snapshot, const ExplainQuery& query, const Workload& from) {
  if (const auto ip = IpAddress::parse(query.host)) {
    return Dialled{{*ip, query.port}, snapshot.service_at({*ip, query.port})};
  }
  const Service* service = snapshot.find_host(query.host, query.port, from.ns).service;
  if (service == nullptr) {
    service = snapshot.service_by_host(query.host);
  }
  if (service == nullptr) {
    return fail(fmt::format("no service is called \"{}\" for a client in namespace {} at port {}", query.host, from.ns,
                            query.port));
  }
  if (!service->vips.empty()) {
    return Dialled{{service->vips.front(), query.port}, service};
  }
  const config::ServicePort* port = service->port(query.port);
  if (port == nullptr || port->cluster == nullptr || port->cluster->endpoints.empty()) {
    return fail(fmt::format("{} is headless and has no ready endpoint at port {}", service->host, query.port));
  }
  return Dialled{port->cluster->endpoints.front().address, service};  // as a resolver would answer
}

Result<std::unique_ptr<ParsedRequest>> parse_request(const ExplainQuery& query) {
  auto parsed = std::make_unique<ParsedRequest>();
  std::string host = query.host.find(':') == std::string::npos ? query.host : fmt::format("[{}]", query.host);
  if (query.port != 80) {
    host += fmt::format(":{}", query.port);
  }
  std::string fields;
  for (const auto& [name, value] : query.headers) {
    if (http::equals_ignoring_case(name, "host")) {
      host = value;
    } else {
      fields += fmt::format("{}: {}\r\n", name, value);
    }
  }
  parsed->text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n{}\r\n", query.method, query.path, host, fields);
  http::RequestParser parser;
  http::Refusal refusal;
  size_t consumed = 0;
  if (parser.parse(parsed->text, parsed->head, consumed, refusal) != http::Progress::kDone) {
    return fail(fmt::format("this request would be refused with {}: {}", refusal.status, refusal.detail));
  }
  return parsed;
}

// The kernel's entry for a destination: its own port, else port 0, as progs/connect looks it up.
std::optional<fl_target> kernel_target(const kernel::Tables& tables, const SocketAddress& address) {
  for (const uint16_t port : {address.port, uint16_t{0}}) {
    const auto found = tables.targets.find(fl_target_key{.ip = address.ip.raw(), .port = htons(port), .pad = 0});
    if (found != tables.targets.end()) {
      return found->second;
    }
  }
  return std::nullopt;
}

void set_path(Walk& walk, std::string_view path, std::string_view reason) {
  walk.answer["path"] = path;
  walk.answer["path_reason"] = reason;
}

void set_verdict(Walk& walk, std::string_view verdict, std::string_view reason) {
  walk.answer["verdict"] = verdict;
  walk.answer["verdict_reason"] = reason;
}

json policy_json(const policy::Decision& decision, const policy::PolicySet& set) {
  json out = {{"allowed", decision.allowed}};
  if (decision.policy != nullptr) {
    out["policy"] = decision.policy->name();
    out["rule"] = decision.rule;
    out["action"] = decision.policy->action() == policy::Action::kDeny ? "DENY" : "ALLOW";
  } else {
    out["policy"] = nullptr;
    out["because"] = decision.allowed
                         ? (set.empty() ? "no policy selects the workload"
                                        : "no ALLOW policy selects the workload, and no DENY policy matches")
                         : "ALLOW policies select the workload, and none of them matches";
  }
  if (decision.shadow != nullptr) {
    out["dry_run_policy_would_differ"] = decision.shadow->name();
  }
  return out;
}

// How many endpoints everything allows, and how many a NetworkPolicy keeps away.
struct Tally {
  size_t allowed = 0, unreachable = 0;
};

// Null where no NetworkPolicy isolates an end.
json network_json(const Workload& from, const Endpoint& endpoint, bool& may_pass) {
  const plan::NetworkDecision decision = plan::judge_network(from, endpoint.workload, endpoint.address);
  if (decision.policy == nullptr) {
    return nullptr;
  }
  may_pass = decision.allowed;
  return {{"allowed", decision.allowed},
          {"policy", decision.policy->name()},
          {"direction", decision.direction == policy::Direction::kIngress ? "ingress" : "egress"}};
}

// Endpoints with who serves them and what their policies say.
Tally judge_endpoints(Walk& walk, const std::vector<Endpoint>& endpoints, const http::RequestHead* head) {
  Tally tally;
  json list = json::array();
  for (const Endpoint& endpoint : endpoints) {
    json item = {{"address", endpoint.address.text()}};
    bool may_pass = true;
    if (json network = network_json(walk.from, endpoint, may_pass); !network.is_null()) {
      item["network_policy"] = std::move(network);
    }
    tally.unreachable += may_pass ? 0 : 1;
    if (const Workload* workload = endpoint.workload) {
      item["workload"] = workload->uid;
      item["mode"] = compile::mode_name(workload->mode);
      if (workload->netns != 0 && workload->mode != Mode::kOff) {
        const policy::Facts facts{.source = walk.from.mode == Mode::kOff ? nullptr : &walk.from.identity,
                                  .source_ip = walk.from.ips.empty() ? IpAddress() : walk.from.ips.front(),
                                  .remote_ip = walk.from.ips.empty() ? IpAddress() : walk.from.ips.front(),
                                  .destination_ip = endpoint.address.ip,
                                  .destination_port = endpoint.address.port,
                                  .http = head};
        const policy::Decision decision = workload->policies.decide(facts);
        item["policy"] = policy_json(decision, workload->policies);
        may_pass = may_pass && decision.allowed;
      }
    }
    tally.allowed += may_pass ? 1 : 0;
    list.push_back(std::move(item));
  }
  walk.answer["endpoints"] = std::move(list);
  return tally;
}

void judge(Walk& walk, const std::vector<Endpoint>& endpoints, const http::RequestHead* head) {
  const auto [allowed, unreachable] = judge_endpoints(walk, endpoints, head);
  if (endpoints.empty()) {
    set_verdict(walk, "unavailable", head != nullptr ? "no ready endpoint: 503, UH" : "no ready endpoint: refused");
  } else if (allowed == endpoints.size()) {
    set_verdict(walk, "allowed", "");
  } else if (unreachable == endpoints.size()) {
    set_verdict(walk, "denied", "a NetworkPolicy: connect() fails");
  } else if (allowed == 0) {
    set_verdict(walk, "denied", head != nullptr ? "403, RBAC: access denied" : "the connection is refused");
  } else {
    set_verdict(walk, "depends", "the policies of the endpoints differ");
  }
}

void follow_route(Walk& walk, const route::RouteTable& table, const http::RequestHead& head) {
  const route::RouteTable::Found found = table.find(head, &walk.from);
  walk.answer["route"] = {{"table", table.name}};
  if (found.route == nullptr) {
    set_verdict(walk, "refused", "no rule of the VirtualService matches: 404, NR");
    return;
  }
  walk.answer["route"]["name"] = found.route->name;
  walk.answer["route"]["rule"] = found.route - table.routes.data();
  if (found.match != nullptr) {
    walk.answer["route"]["match"] = found.match - found.route->matches.data();
  }
  if (const auto* direct = std::get_if<route::DirectResponse>(&found.route->action)) {
    set_verdict(walk, "answered", fmt::format("direct response: {}", direct->status));
    return;
  }
  if (const auto* redirect = std::get_if<route::Redirect>(&found.route->action)) {
    set_verdict(walk, "answered",
                fmt::format("redirect: {} to {}", redirect->status, redirect->location(head, walk.query.port)));
    return;
  }
  std::vector<Endpoint> endpoints;
  json clusters = json::array();
  for (const route::WeightedCluster& weighted : std::get<route::Forward>(found.route->action).clusters) {
    clusters.push_back(cluster_json(weighted.cluster, weighted.weight, Chooser::kProxy));
    if (weighted.cluster != nullptr && weighted.weight != 0) {
      endpoints.insert(endpoints.end(), weighted.cluster->endpoints.begin(), weighted.cluster->endpoints.end());
    }
  }
  walk.answer["clusters"] = std::move(clusters);
  judge(walk, endpoints, &head);
}

// Where a connection goes that no rule sends elsewhere.
std::vector<Endpoint> plain_endpoints(Walk& walk, const config::ServicePort* port, Chooser chooser) {
  if (port != nullptr && port->cluster != nullptr) {
    walk.answer["clusters"] = json::array({cluster_json(port->cluster, 1, chooser)});
    const bool address_of_service = walk.snapshot.service_by_vip(walk.dialled.address.ip) != nullptr;
    if (!port->cluster->original_destination || address_of_service) {
      return port->cluster->endpoints;
    }
  }
  return {Endpoint{walk.dialled.address, walk.snapshot.workload_by_ip(walk.dialled.address.ip)}};
}

Status through_proxy(Walk& walk) {
  const auto request = parse_request(walk.query);
  if (!request) {
    return std::unexpected(request.error());
  }
  const http::RequestHead& head = (*request)->head;
  const auto host = walk.snapshot.find_host(head.authority, walk.query.port, walk.from.ns);
  if (host.table != nullptr) {
    follow_route(walk, *host.table, head);
    return {};
  }
  const config::ServicePort* port = host.port;
  if (host.service == nullptr && walk.dialled.service != nullptr) {
    port = walk.dialled.service->port(walk.query.port);  // unknown Host: ALLOW_ANY, where it was dialled
  }
  judge(walk, plain_endpoints(walk, port, Chooser::kProxy), &head);
  return {};
}

void without_http(Walk& walk, Chooser chooser) {
  const config::ServicePort* port =
      walk.dialled.service != nullptr ? walk.dialled.service->port(walk.query.port) : nullptr;
  judge(walk, plain_endpoints(walk, port, chooser), nullptr);
}

Status follow(Walk& walk) {
  const kernel::Tables tables = kernel::make_tables(walk.snapshot, {});
  const auto target = kernel_target(tables, walk.dialled.address);
  if (walk.from.netns == 0) {
    set_path(walk, "untouched", "the pod is not on this node, or has no network namespace here");
    set_verdict(walk, "unknown", "");
  } else if (!target) {
    set_path(walk, "untouched", "no service and no pod of the mesh has this address");
    set_verdict(walk, "allowed", "the pod's ordinary network");
  } else if (target->kind == FL_TARGET_NO_PORT) {
    set_path(walk, "refused", "the service has no such port");
    set_verdict(walk, "refused", "the connection is refused");
  } else if (target->protocol == FL_PROTOCOL_DENY) {
    set_path(walk, "refused", "an HTTP rule selects this port, whose protocol cannot be judged");
    set_verdict(walk, "refused", "the connection is refused");
  } else if (walk.from.mode == Mode::kOff) {
    set_path(walk, "untouched", "the pod is off");
    without_http(walk, Chooser::kKernelForOff);
  } else if (target->protocol == FL_PROTOCOL_HTTP) {
    set_path(walk, walk.from.mode == Mode::kSidecar ? "sidecar" : "node-proxy", "the port's protocol is HTTP");
    return through_proxy(walk);
  } else if (walk.from.mode == Mode::kSidecar) {
    set_path(walk, "sidecar", "a TCP port, from a pod in sidecar mode");
    without_http(walk, Chooser::kProxy);
  } else {
    set_path(walk, "kernel", "a TCP or undeclared port: connected pod to pod, judged at connect()");
    without_http(walk, Chooser::kKernel);
  }
  return {};
}

}  // namespace

Result<std::pair<std::string, uint16_t>> parse_host_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  uint16_t port = 0;
  if (colon != std::string_view::npos) {
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (port == 0 || host.empty()) {
    return fail(fmt::format("\"{}\" is not HOST:PORT", text));
  }
  return std::pair(std::string(host), port);
}

Result<json> explain(const Snapshot& snapshot, const ExplainQuery& query) {
  const Workload* from = find_workload(snapshot, query.from);
  if (from == nullptr) {
    return fail(fmt::format("no pod {} is known", query.from));
  }
  const auto dialled = resolve(snapshot, query, *from);
  if (!dialled) {
    return std::unexpected(dialled.error());
  }
  Walk walk{snapshot, query, *from, *dialled};
  walk.answer["generation"] = snapshot.generation();
  walk.answer["from"] = {
      {"workload", from->uid}, {"mode", compile::mode_name(from->mode)}, {"principal", from->identity.principal}};
  walk.answer["to"] = {{"host", query.host},
                       {"address", dialled->address.text()},
                       {"service", dialled->service != nullptr ? json(dialled->service->host) : json(nullptr)}};
  if (Status followed = follow(walk); !followed) {
    return std::unexpected(followed.error());
  }
  return std::move(walk.answer);
}

}  // namespace fairlead::api
