// From the wire form to a snapshot: what is taken over, how it is found, and what is refused.
#include "userspace-proxy/config/snapshot.h"

#include "tests/unit/config/snapshot_wire.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <span>
#include <string>

namespace fairlead::config {
namespace {

using test::ip_bytes;
using test::SnapshotWire;
using testing::StartsWith;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

// One of everything, each referring to another.
SnapshotWire sample() {
  SnapshotWire made;
  made.wire.set_generation(7);
  made.wire.set_trust_domain("cluster.local");
  made.identity("shop", "client");
  made.identity("shop", "web");
  made.service("shop", "web", {.ports = {80}, .vips = {"10.96.0.1"}});
  made.workload("shop", "client", "10.0.0.1", 11);
  made.workload("shop", "web", "10.0.0.2", 12);
  made.endpoint(0, "10.0.0.2", 8080, 2);
  made.virtual_host({.domain = "web.shop.svc.cluster.local", .table = made.table("web")});
  auto* policy = made.wire.add_policies();
  policy->set_name("shop/web");
  policy->add_rules();
  auto* web = made.wire.mutable_workloads(1);
  web->set_identity(1);
  web->set_mode(wire::NODE);
  web->add_policies(0);
  auto* port = web->add_ports();
  port->set_port(8080);
  port->set_protocol(wire::HTTP);
  port->set_service(1);
  port->set_refuse_opaque(true);
  return made;
}

TEST(Snapshot, EverythingIsTakenOverAndRefersToWhatItNames) {
  SnapshotWire made = sample();
  auto* web = made.wire.mutable_workloads(1);
  (*web->mutable_labels())["app"] = "web";
  web->set_workload_name("web-deployment");
  web->set_canonical_service("web");
  web->set_canonical_revision("v1");
  web->set_app("web-app");
  web->set_version("v2");
  web->set_cluster("Kubernetes");
  made.wire.mutable_clusters(0)->set_connect_timeout_ms(250);
  made.wire.mutable_clusters(0)->set_original_destination(true);
  made.wire.mutable_services(0)->mutable_ports(0)->set_name("http");

  const auto snapshot = Snapshot::build(made.wire).value();
  EXPECT_EQ(snapshot->generation(), 7u);
  EXPECT_EQ(snapshot->trust_domain(), "cluster.local");
  ASSERT_EQ(snapshot->workloads().size(), 2u);
  const Workload& workload = *snapshot->workloads()[1];
  const Service* service = snapshot->service_by_host("web.shop.svc.cluster.local");
  ASSERT_NE(service, nullptr);

  EXPECT_EQ(workload.uid, "shop/web");
  EXPECT_EQ(workload.ns, "shop");
  EXPECT_EQ(workload.name, "web");
  EXPECT_EQ(workload.identity.principal, "cluster.local/ns/shop/sa/web");
  EXPECT_EQ(workload.identity.ns, "shop");
  EXPECT_EQ(workload.identity.service_account, "web");
  EXPECT_EQ(workload.ips, std::vector{ip("10.0.0.2")});
  EXPECT_EQ(workload.labels.at("app"), "web");
  EXPECT_EQ(workload.workload_name, "web-deployment");
  EXPECT_EQ(workload.canonical_service, "web");
  EXPECT_EQ(workload.canonical_revision, "v1");
  EXPECT_EQ(workload.app, "web-app");
  EXPECT_EQ(workload.version, "v2");
  EXPECT_EQ(workload.cluster, "Kubernetes");
  EXPECT_TRUE(workload.in_node_mode());
  ASSERT_EQ(workload.policies.policies.size(), 1u);
  EXPECT_EQ(workload.policies.policies[0]->name(), "shop/web");

  const WorkloadPort* port = workload.port(8080);
  ASSERT_NE(port, nullptr);
  EXPECT_EQ(port->protocol, Protocol::kHttp);
  EXPECT_EQ(port->service, service);
  EXPECT_TRUE(port->refuse_opaque);
  EXPECT_EQ(workload.port(8081), nullptr);

  ASSERT_NE(service->port(80), nullptr);
  EXPECT_EQ(service->port(80)->name, "http");
  EXPECT_EQ(service->port(81), nullptr);
  const Cluster& cluster = *service->port(80)->cluster;
  EXPECT_EQ(cluster.name, "outbound|80||web.shop.svc.cluster.local");
  EXPECT_EQ(cluster.service, service);
  EXPECT_EQ(cluster.connect_timeout, std::chrono::milliseconds(250));
  EXPECT_TRUE(cluster.original_destination);
  ASSERT_EQ(cluster.endpoints.size(), 1u);
  EXPECT_EQ(cluster.endpoints[0].address.text(), "10.0.0.2:8080");
  EXPECT_EQ(cluster.endpoints[0].workload, &workload);
}

TEST(Snapshot, ThingsAreFoundByWhatNamesThem) {
  const auto snapshot = Snapshot::build(sample().wire).value();
  EXPECT_EQ(snapshot->workload_by_netns(12), snapshot->workloads()[1].get());
  EXPECT_EQ(snapshot->workload_by_netns(13), nullptr);
  EXPECT_EQ(snapshot->workload_by_netns(0), nullptr);
  EXPECT_EQ(snapshot->workload_by_ip(ip("10.0.0.1")), snapshot->workloads()[0].get());
  EXPECT_EQ(snapshot->workload_by_ip(ip("10.0.0.3")), nullptr);
  EXPECT_EQ(snapshot->service_by_vip(ip("10.96.0.1")), snapshot->service_by_host("web.shop.svc.cluster.local"));
  EXPECT_EQ(snapshot->service_by_vip(ip("10.96.0.2")), nullptr);
  EXPECT_EQ(snapshot->service_at({ip("10.96.0.2"), 80}), nullptr);
  EXPECT_EQ(snapshot->service_by_host("web.shop"), nullptr);
  ASSERT_NE(snapshot->identity(102), nullptr);
  EXPECT_EQ(snapshot->identity(102)->principal, "cluster.local/ns/shop/sa/web");
  EXPECT_EQ(snapshot->identity(1), nullptr);
  EXPECT_EQ(snapshot->identity(0), nullptr);
}

TEST(Snapshot, AnExternalAddressIsOfEachServiceAtItsPorts) {
  SnapshotWire wire;
  wire.service("shop", "web", {.ports = {80}, .vips = {"10.96.0.1", "192.0.2.1"}});
  wire.service("shop", "db", {.ports = {5432}, .vips = {"10.96.0.2", "192.0.2.1"}});
  for (auto& service : *wire.wire.mutable_services()) {
    service.set_external_vips(1);
  }
  const auto snapshot = Snapshot::build(wire.wire).value();
  EXPECT_EQ(snapshot->service_at({ip("192.0.2.1"), 80})->name, "web");
  EXPECT_EQ(snapshot->service_at({ip("192.0.2.1"), 5432})->name, "db");
  EXPECT_EQ(snapshot->service_at({ip("10.96.0.1"), 5432})->name, "web") << "its own address, at a port that it lacks";
}

TEST(Snapshot, AnEmptyOneFindsNothing) {
  const auto snapshot = Snapshot::build({}).value();
  EXPECT_EQ(snapshot->workload_by_netns(1), nullptr);
  EXPECT_EQ(snapshot->find_host("web.shop", 80, "shop").table, nullptr);
}

TEST(Snapshot, AbsentNumbersHaveTheirDefaults) {
  const auto snapshot = Snapshot::build(sample().wire).value();
  const Cluster& cluster = *snapshot->service_by_vip(ip("10.96.0.1"))->port(80)->cluster;
  EXPECT_EQ(cluster.connect_timeout, std::chrono::seconds(10)) << "Istio's connectTimeout";
}

TEST(Snapshot, OfSeveralWithOneAddressOrNameTheFirstIsFound) {
  SnapshotWire made = sample();
  made.workload("shop", "host-network", "10.0.0.1");
  made.service("shop", "web", {.vips = {"10.96.0.1"}});
  const auto snapshot = Snapshot::build(made.wire).value();
  EXPECT_EQ(snapshot->workload_by_ip(ip("10.0.0.1"))->name, "client");
  EXPECT_EQ(snapshot->service_by_vip(ip("10.96.0.1"))->port(80)->cluster->endpoints.size(), 1u);
  EXPECT_EQ(snapshot->find_host("web", 80, "shop").port->cluster->endpoints.size(), 1u);
}

TEST(Snapshot, BytesAreParsedAndRubbishIsAnError) {
  const std::string bytes = sample().wire.SerializeAsString();
  EXPECT_EQ(Snapshot::parse(std::as_bytes(std::span(bytes))).value()->generation(), 7u);
  const std::string rubbish = "rubbish";
  EXPECT_FALSE(Snapshot::parse(std::as_bytes(std::span(rubbish))));
  const std::string cut = bytes.substr(0, bytes.size() - 1);
  EXPECT_FALSE(Snapshot::parse(std::as_bytes(std::span(cut))));
}

TEST(Snapshot, AnErrorNamesTheField) {
  const struct {
    const char* field;
    std::function<void(wire::Snapshot&)> spoil;
  } cases[] = {
      {"identities[1].id: ", [](auto& w) { w.mutable_identities(1)->set_id(0); }},
      {"identities[1].id: ", [](auto& w) { w.mutable_identities(1)->set_id(w.identities(0).id()); }},
      {"identities[0].spiffe: ", [](auto& w) { w.mutable_identities(0)->set_spiffe("cluster.local/ns/a/sa/b"); }},
      {"policies[0]: shop/web: rules[0].to[0].operation.ports[0]: ",
       [](auto& w) { w.mutable_policies(0)->mutable_rules(0)->add_to()->add_ports("x"); }},
      {"workloads[1].identity: ", [](auto& w) { w.mutable_workloads(1)->set_identity(2); }},
      {"workloads[1].ips[1]: ", [](auto& w) { w.mutable_workloads(1)->add_ips("1234"); }},
      {"workloads[1].netns: ", [](auto& w) { w.mutable_workloads(1)->set_netns(11); }},
      {"workloads[1].mode: ", [](auto& w) { w.mutable_workloads(1)->set_mode(static_cast<wire::Mode>(9)); }},
      {"workloads[1].policies[1]: ", [](auto& w) { w.mutable_workloads(1)->add_policies(1); }},
      {"workloads[1].ports[0].port: ", [](auto& w) { w.mutable_workloads(1)->mutable_ports(0)->set_port(65'536); }},
      {"workloads[1].ports[0].protocol: ",
       [](auto& w) { w.mutable_workloads(1)->mutable_ports(0)->set_protocol(static_cast<wire::Protocol>(-1)); }},
      {"workloads[1].ports[0].service: ", [](auto& w) { w.mutable_workloads(1)->mutable_ports(0)->set_service(2); }},
      {"workloads[1].ingress_policies[0]: ", [](auto& w) { w.mutable_workloads(1)->add_ingress_policies(0); }},
      {"workloads[1].egress_policies[0]: ", [](auto& w) { w.mutable_workloads(1)->add_egress_policies(7); }},
      {"workloads[1].named_ports[0].port: ", [](auto& w) { w.mutable_workloads(1)->add_named_ports()->set_name("x"); }},
      {"network_policies[0]: shop/n: ingress[0].blocks[0].cidr: ",
       [](auto& w) {
         auto& policy = *w.add_network_policies();
         policy.set_name("shop/n");
         policy.add_ingress()->add_blocks()->set_cidr("10.0.0.0/33");
       }},
      {"network_policies[0]: : egress[1].ports[0]: ",
       [](auto& w) {
         auto& policy = *w.add_network_policies();
         policy.add_egress();
         policy.add_egress()->add_ports()->set_first(70'000);
       }},
      {"network_policies[0]: : egress[0].peer_classes: ",
       [](auto& w) { w.add_network_policies()->add_egress()->add_peer_classes(0); }},
      {"services[0].host: ", [](auto& w) { w.mutable_services(0)->clear_host(); }},
      {"services[0].vips[0]: ", [](auto& w) { w.mutable_services(0)->set_vips(0, ip_bytes("::1") + "x"); }},
      {"services[0].ports[0].port: ", [](auto& w) { w.mutable_services(0)->mutable_ports(0)->set_port(0); }},
      {"services[0].ports[0].protocol: ",
       [](auto& w) { w.mutable_services(0)->mutable_ports(0)->set_protocol(static_cast<wire::Protocol>(4)); }},
      {"services[0].ports[0].cluster: ", [](auto& w) { w.mutable_services(0)->mutable_ports(0)->set_cluster(1); }},
      {"clusters[0].service: ", [](auto& w) { w.mutable_clusters(0)->set_service(0xffffffff); }},
      {"clusters[0].endpoints[0].ip: ", [](auto& w) { w.mutable_clusters(0)->mutable_endpoints(0)->clear_ip(); }},
      {"clusters[0].endpoints[0].port: ", [](auto& w) { w.mutable_clusters(0)->mutable_endpoints(0)->clear_port(); }},
      {"clusters[0].endpoints[0].workload: ",
       [](auto& w) { w.mutable_clusters(0)->mutable_endpoints(0)->set_workload(3); }},
      {"route_tables[0]: web: routes[0]: ", [](auto& w) { w.mutable_route_tables(0)->add_routes(); }},
      {"virtual_hosts[0].domain: ", [](auto& w) { w.mutable_virtual_hosts(0)->clear_domain(); }},
      {"virtual_hosts[0].domain: ", [](auto& w) { w.mutable_virtual_hosts(0)->set_domain("a.*"); }},
      {"virtual_hosts[0].domain: ", [](auto& w) { w.mutable_virtual_hosts(0)->set_domain("**"); }},
      {"virtual_hosts[0].port: ", [](auto& w) { w.mutable_virtual_hosts(0)->set_port(70'000); }},
      {"virtual_hosts[0].route_table: ", [](auto& w) { w.mutable_virtual_hosts(0)->set_route_table(1); }},
  };
  for (const auto& c : cases) {
    wire::Snapshot wire = sample().wire;
    c.spoil(wire);
    const auto built = Snapshot::build(wire);
    ASSERT_FALSE(built) << c.field;
    EXPECT_THAT(built.error().message(), StartsWith(c.field));
  }
}

// Meant for the sanitizers, too: whatever comes out of the bytes must be usable without a step beyond any list.
TEST(Snapshot, DamagedBytesGiveAnErrorOrASnapshotThatCanBeUsed) {
  google::protobuf::SetLogHandler(nullptr);  // thousands of complaints about UTF-8
  const std::string bytes = sample().wire.SerializeAsString();
  std::mt19937 random(20240119);  // fixed: a failure can be run again
  int built = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = bytes;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    const auto snapshot = Snapshot::parse(std::as_bytes(std::span(damaged)));
    if (!snapshot) {
      ++refused;
      continue;
    }
    ++built;
    const auto match = (*snapshot)->find_host("web.shop", 80, "shop");
    if (match.port != nullptr) {
      ASSERT_NE(match.port->cluster, nullptr);
      for (const Endpoint& endpoint : match.port->cluster->endpoints) {
        ASSERT_TRUE(endpoint.workload == nullptr || !endpoint.workload->identity.principal.empty());
      }
    }
  }
  EXPECT_GT(built, 1'000);
  EXPECT_GT(refused, 1'000);
}

TEST(Snapshot, TenThousandServicesWithAHundredThousandEndpointsAreAllThere) {
  constexpr int kServices = 10'000, kEndpoints = 10;
  SnapshotWire made;
  for (int i = 0; i < kServices; ++i) {
    const std::string name = "s" + std::to_string(i);
    made.service("shop", name);
    made.virtual_host({.domain = name + ".shop.svc.cluster.local"});
    for (int e = 0; e < kEndpoints; ++e) {
      made.endpoint(i, "fd00::" + std::to_string(e) + ":" + std::to_string(i), 8080);
    }
  }
  made.table("all");
  const auto snapshot = Snapshot::build(made.wire).value();
  for (int i = 0; i < kServices; ++i) {
    const auto match = snapshot->find_host("s" + std::to_string(i), 80, "shop");
    ASSERT_NE(match.port, nullptr) << i;
    ASSERT_NE(match.table, nullptr) << i;
    ASSERT_EQ(match.port->cluster->endpoints.size(), static_cast<size_t>(kEndpoints)) << i;
    ASSERT_EQ(match.port->cluster->service, match.service) << i;
  }
}

}  // namespace
}  // namespace fairlead::config
