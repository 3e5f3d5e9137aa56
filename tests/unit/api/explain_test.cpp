// Snapshots are built from their wire form, as the agent does it.
#include "agent/api/explain.h"

#include "userspace-proxy/config/snapshot.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fairlead::api {
namespace {

namespace wire = config::wire;
using nlohmann::json;

std::string ip_bytes(const char* text) {
  const IpAddress ip = *IpAddress::parse(text);
  const auto& bytes = ip.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void add_workload(wire::Snapshot& snapshot, const char* name, const char* ip, uint64_t netns) {
  wire::Identity& identity = *snapshot.add_identities();
  identity.set_id(static_cast<uint32_t>(snapshot.identities_size()));
  identity.set_spiffe(std::string("spiffe://cluster.local/ns/shop/sa/") + name);
  identity.set_namespace_("shop");
  identity.set_service_account(name);
  wire::Workload& workload = *snapshot.add_workloads();
  workload.set_uid(std::string("shop/") + name);
  workload.set_namespace_("shop");
  workload.set_name(name);
  workload.set_identity(static_cast<uint32_t>(snapshot.identities_size() - 1));
  workload.add_ips(ip_bytes(ip));
  workload.set_netns(netns);
  workload.set_mode(wire::NODE);
}

void add_service(wire::Snapshot& snapshot, const char* name, const char* vip, wire::Protocol protocol) {
  wire::Service& service = *snapshot.add_services();
  service.set_host(std::string(name) + ".shop.svc.cluster.local");
  service.set_namespace_("shop");
  service.set_name(name);
  service.add_vips(ip_bytes(vip));
  wire::Cluster& cluster = *snapshot.add_clusters();
  cluster.set_name(std::string("outbound|80||") + service.host());
  cluster.set_service(static_cast<uint32_t>(snapshot.services_size()));
  wire::Endpoint& endpoint = *cluster.add_endpoints();
  endpoint.set_ip(ip_bytes("10.0.0.2"));
  endpoint.set_port(protocol == wire::HTTP ? 8080 : 9000);
  endpoint.set_workload(2);
  wire::ServicePort& port = *service.add_ports();
  port.set_port(80);
  port.set_protocol(protocol);
  port.set_cluster(static_cast<uint32_t>(snapshot.clusters_size() - 1));
  wire::WorkloadPort& target = *snapshot.mutable_workloads(1)->add_ports();
  target.set_port(endpoint.port());
  target.set_protocol(protocol);
  target.set_service(static_cast<uint32_t>(snapshot.services_size()));
}

// shop/client and shop/web in node mode, services web (HTTP, with a VirtualService: /v2 is refused by 404) and db
// (TCP).
wire::Snapshot shop() {
  wire::Snapshot snapshot;
  snapshot.set_generation(3);
  snapshot.set_node_name("node-1");
  snapshot.set_trust_domain("cluster.local");
  add_workload(snapshot, "client", "10.0.0.1", 101);
  add_workload(snapshot, "web", "10.0.0.2", 102);
  add_service(snapshot, "web", "10.96.0.1", wire::HTTP);
  add_service(snapshot, "db", "10.96.0.2", wire::TCP);
  wire::RouteTable& table = *snapshot.add_route_tables();
  table.set_name("VirtualService/shop/web");
  wire::Route& route = *table.add_routes();
  route.set_name("v1");
  route.add_matches()->mutable_uri()->set_prefix("/v1");
  wire::WeightedCluster& weighted = *route.mutable_forward()->add_clusters();
  weighted.set_weight(100);
  weighted.set_cluster(1);
  wire::VirtualHost& host = *snapshot.add_virtual_hosts();
  host.set_domain("web.shop.svc.cluster.local");
  host.set_route_table(0);
  return snapshot;
}

void deny(wire::Snapshot& snapshot, const char* method) {
  wire::Policy& policy = *snapshot.add_policies();
  policy.set_name("shop/deny");
  policy.set_namespace_("shop");
  policy.set_action(wire::Policy::DENY);
  wire::Rule& rule = *policy.add_rules();
  if (method != nullptr) {
    rule.add_to()->add_methods(method);
  }
  snapshot.mutable_workloads(1)->add_policies(0);
}

json answer(const wire::Snapshot& wire, const ExplainQuery& query) {
  const auto snapshot = config::Snapshot::build(wire);
  EXPECT_TRUE(snapshot) << snapshot.error().message();
  auto explained = explain(**snapshot, query);
  EXPECT_TRUE(explained) << explained.error().message();
  return explained ? *explained : json::object();
}

const ExplainQuery kWeb{.from = "shop/client", .host = "web", .port = 80, .path = "/v1/x"};

TEST(Explain, AnHttpPortGoesThroughTheProxyByTheRouteThatMatches) {
  const json got = answer(shop(), kWeb);
  EXPECT_EQ(got["path"], "node-proxy");
  EXPECT_EQ(got["route"]["table"], "VirtualService/shop/web");
  EXPECT_EQ(got["route"]["name"], "v1");
  EXPECT_EQ(got["clusters"][0]["name"], "outbound|80||web.shop.svc.cluster.local");
  EXPECT_EQ(got["endpoints"][0]["workload"], "shop/web");
  EXPECT_EQ(got["verdict"], "allowed");
}

TEST(Explain, ARequestThatNoRuleMatchesIs404) {
  ExplainQuery query = kWeb;
  query.path = "/v2";
  const json got = answer(shop(), query);
  EXPECT_EQ(got["verdict"], "refused");
  EXPECT_NE(got["verdict_reason"].get<std::string>().find("404"), std::string::npos);
}

TEST(Explain, TheVirtualAddressMeansTheSameAsTheName) {
  ExplainQuery query = kWeb;
  query.host = "10.96.0.1";
  EXPECT_EQ(answer(shop(), query)["to"]["service"], "web.shop.svc.cluster.local");
}

TEST(Explain, AnIpv6AddressIsTheHostInBrackets) {
  wire::Snapshot snapshot = shop();
  snapshot.mutable_services(0)->add_vips(ip_bytes("fd00::1"));
  ExplainQuery query = kWeb;
  query.host = "fd00::1";
  EXPECT_EQ(answer(snapshot, query)["path"], "node-proxy");
}

TEST(Explain, ThePolicyThatDecidesIsNamed) {
  wire::Snapshot snapshot = shop();
  deny(snapshot, "POST");
  ExplainQuery query = kWeb;
  EXPECT_EQ(answer(snapshot, query)["verdict"], "allowed");
  query.method = "POST";
  const json got = answer(snapshot, query);
  EXPECT_EQ(got["verdict"], "denied");
  EXPECT_EQ(got["endpoints"][0]["policy"]["policy"], "shop/deny");
  EXPECT_EQ(got["endpoints"][0]["policy"]["rule"], 0);
}

TEST(Explain, ATcpPortTakesTheKernelPath) {
  const json got = answer(shop(), {.from = "shop/client", .host = "db.shop", .port = 80});
  EXPECT_EQ(got["path"], "kernel");
  EXPECT_EQ(got["endpoints"][0]["address"], "10.0.0.2:9000");
  EXPECT_EQ(got["verdict"], "allowed");
}

TEST(Explain, HowAnEndpointIsChosenIsToldAsTheOneWhoChoosesDoesIt) {
  wire::Snapshot snapshot = shop();
  ExplainQuery tcp = kWeb;
  tcp.host = "db";
  EXPECT_EQ(answer(snapshot, kWeb)["clusters"][0]["balance"], "LEAST_REQUEST");
  EXPECT_EQ(answer(snapshot, tcp)["clusters"][0]["balance"], "RANDOM");
  EXPECT_FALSE(answer(snapshot, tcp)["clusters"][0].contains("session_affinity_s"));
  for (wire::Cluster& cluster : *snapshot.mutable_clusters()) {
    cluster.set_balance(wire::ROUND_ROBIN);
    cluster.set_affinity_timeout_s(90);
  }
  for (const ExplainQuery& query : {kWeb, tcp}) {
    EXPECT_EQ(answer(snapshot, query)["clusters"][0]["balance"], "ROUND_ROBIN");
    EXPECT_EQ(answer(snapshot, query)["clusters"][0]["session_affinity_s"], 90);
  }
  snapshot.mutable_workloads(0)->set_mode(wire::OFF);
  EXPECT_EQ(answer(snapshot, tcp)["clusters"][0]["balance"], "RANDOM") << "no DestinationRule for a pod that is off";
}

TEST(Explain, APortThatTheServiceLacksIsRefused) {
  const json got = answer(shop(), {.from = "shop/client", .host = "10.96.0.2", .port = 81});
  EXPECT_EQ(got["path"], "refused");
}

TEST(Explain, AnAddressOfNobodyIsLeftAlone) {
  EXPECT_EQ(answer(shop(), {.from = "shop/client", .host = "192.0.2.1", .port = 443})["path"], "untouched");
}

TEST(Explain, APodInSidecarModeGoesThroughItsSidecar) {
  wire::Snapshot snapshot = shop();
  snapshot.mutable_workloads(0)->set_mode(wire::SIDECAR);
  EXPECT_EQ(answer(snapshot, kWeb)["path"], "sidecar");
}

TEST(Explain, WhatCannotBeAskedIsAnError) {
  const auto snapshot = *config::Snapshot::build(shop());
  EXPECT_FALSE(explain(*snapshot, {.from = "shop/nobody", .host = "web", .port = 80}));
  EXPECT_FALSE(explain(*snapshot, {.from = "shop/client", .host = "absent", .port = 80}));
  EXPECT_FALSE(explain(*snapshot, {.from = "shop/client", .host = "web", .port = 80, .method = "GE T"}));
}

TEST(ParseHostPort, TakesNamesAndAddresses) {
  EXPECT_EQ(parse_host_port("web:80")->first, "web");
  EXPECT_EQ(parse_host_port("[fd00::1]:80")->first, "fd00::1");
  for (const char* text : {"", "web", "web:", ":80", "web:0", "web:x"}) {
    EXPECT_FALSE(parse_host_port(text)) << text;
  }
}

}  // namespace
}  // namespace fairlead::api
