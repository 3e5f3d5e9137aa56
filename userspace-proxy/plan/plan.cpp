#include "userspace-proxy/plan/plan.h"

#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/plan/balance.h"
#include "userspace-proxy/plan/network.h"

namespace fairlead::plan {
namespace {

Plan& refuse(Plan& plan, uint16_t status, Reason reason) {
  plan.kind = Plan::Kind::kRefuse;
  plan.status = status;
  plan.reason = reason;
  return plan;
}

// Which namespace the upstream socket lives in, and whether this proxy speaks for the destination too.
Plan& place(Plan& plan, const Outbound& from) {
  if (!judge_network(from.source, plan.destination, plan.endpoint).allowed) {
    return refuse(plan, 503, Reason::NETWORK_DENIED);
  }
  plan.kind = Plan::Kind::kForward;
  plan.netns = from.source.netns;
  if (plan.destination == nullptr) {
    return plan;
  }
  if (from.shape == Shape::kNode && plan.destination->in_node_mode()) {
    plan.netns = plan.destination->netns;
    plan.judge = true;
  } else if (from.shape == Shape::kSidecar && plan.destination == &from.source) {
    plan.judge = true;  // to itself: its own sidecar is passed once only
  }
  return plan;
}

Plan& to_cluster(Plan& plan, const Outbound& from) {
  const config::Endpoint* const endpoint = choose_endpoint(*plan.cluster, from);
  if (endpoint == nullptr) {
    return refuse(plan, 503, Reason::NO_HEALTHY_UPSTREAM);
  }
  plan.endpoint = endpoint->address;
  plan.destination = endpoint->workload;
  return place(plan, from);
}

// ALLOW_ANY: an endpoint of the service that was dialled, the pod that was dialled, or the address itself.
Plan& pass_through(Plan& plan, const Outbound& from) {
  const SocketAddress& dialled = from.dialled;
  if (const config::Service* const service = from.snapshot.service_at(dialled); service != nullptr) {
    const config::ServicePort* const port = service->port(dialled.port);
    if (port == nullptr || port->cluster == nullptr) {
      return refuse(plan, 503, Reason::CLUSTER_NOT_FOUND);
    }
    plan.service = service;
    plan.cluster = port->cluster;
    return to_cluster(plan, from);
  }
  plan.endpoint = dialled;
  plan.destination = from.snapshot.workload_by_ip(dialled.ip);
  if (plan.destination != nullptr) {
    if (const config::WorkloadPort* const port = plan.destination->port(dialled.port); port != nullptr) {
      plan.service = port->service;
    }
  }
  return place(plan, from);
}

}  // namespace

Plan outbound_http(const Outbound& from, const http::RequestHead& head) {
  Plan plan;
  if (head.method == "CONNECT") {
    return refuse(plan, 404, Reason::ROUTE_NOT_FOUND);
  }
  const auto host = from.snapshot.find_host(head.authority, from.dialled.port, from.source.ns);
  plan.table = host.table;
  plan.service = host.service;
  if (host.table == nullptr) {
    if (host.port == nullptr) {
      return pass_through(plan, from);
    }
    plan.cluster = host.port->cluster;
    if (plan.cluster == nullptr) {
      return refuse(plan, 503, Reason::CLUSTER_NOT_FOUND);
    }
    return to_cluster(plan, from);
  }
  const auto found = host.table->find(head, &from.source);
  if (found.route == nullptr) {
    return refuse(plan, 404, Reason::ROUTE_NOT_FOUND);
  }
  plan.route = found.route;
  plan.match = found.match;
  if (std::holds_alternative<route::DirectResponse>(found.route->action)) {
    plan.kind = Plan::Kind::kDirectResponse;
    plan.reason = Reason::DIRECT_RESPONSE;
    return plan;
  }
  if (std::holds_alternative<route::Redirect>(found.route->action)) {
    plan.kind = Plan::Kind::kRedirect;
    plan.reason = Reason::DIRECT_RESPONSE;
    return plan;
  }
  const auto& forward = std::get<route::Forward>(found.route->action);
  if (forward.clusters.empty()) {
    return refuse(plan, 503, Reason::CLUSTER_NOT_FOUND);
  }
  // Both choices come from one draw: the low half picks among the weights by a multiplicative mix, so that they are
  // independent of each other.
  plan.choice = &forward.pick(from.random * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL);
  plan.cluster = plan.choice->cluster;
  if (plan.cluster == nullptr) {
    return refuse(plan, 503, Reason::CLUSTER_NOT_FOUND);
  }
  plan.service = plan.cluster->service;
  return to_cluster(plan, from);
}

Plan outbound_tcp(const Outbound& from) {
  Plan plan;
  if (const config::Service* const service = from.snapshot.service_at(from.dialled); service != nullptr) {
    const auto host = from.snapshot.find_host(service->host, from.dialled.port, from.source.ns);
    if (host.table != nullptr) {
      plan.table = host.table;
      plan.service = service;
      return refuse(plan, 0, Reason::L7_ON_OPAQUE);
    }
  }
  return pass_through(plan, from);
}

Plan inbound(const config::Workload& destination, const SocketAddress& dialled) {
  Plan plan;
  plan.kind = Plan::Kind::kForward;
  plan.endpoint = dialled;
  plan.destination = &destination;
  plan.netns = destination.netns;
  plan.judge = true;
  if (const config::WorkloadPort* const port = destination.port(dialled.port); port != nullptr) {
    plan.service = port->service;
  }
  return plan;
}

}  // namespace fairlead::plan
