// Pods, services and endpoints in the snapshot.
#include "agent/compile/messages.h"
#include "tests/unit/compile/builders.h"

#include <gtest/gtest.h>

namespace fairlead::compile {
namespace {

using config::Mode;

constexpr std::string_view kWeb = "web.shop.svc.cluster.local";

model::Pod web_pod(const std::string& name, const std::string& address, const std::string& version = "v1") {
  model::Pod out = pod("shop", name, address, {{"app", "web"}, {"version", version}});
  out.ports = {{.name = "http", .port = 8080}};
  return out;
}

model::EndpointSlice slice(const std::string& name, std::vector<model::EndpointAddress> endpoints) {
  model::EndpointSlice out;
  out.meta = meta("shop", name);
  out.service = "web";
  out.ports = {{.name = "http", .port = 8080, .protocol = "TCP", .app_protocol = ""}};
  out.endpoints = std::move(endpoints);
  return out;
}

model::EndpointAddress endpoint(const std::string& address) {
  model::EndpointAddress out;
  out.addresses = {ip(address)};
  return out;
}

TEST(ServicesTest, WithoutASliceTheReadyPodsOfTheSelectorAreTheEndpoints) {
  World world;
  world.add(web_pod("web-a", "10.0.0.1"));
  model::Pod unready = web_pod("web-b", "10.0.0.2");
  unready.ready = false;
  world.add(unready);
  model::Pod ending = web_pod("web-c", "10.0.0.3");
  ending.terminating = true;
  world.add(ending);
  model::Pod elsewhere = web_pod("web-d", "10.0.0.4");
  elsewhere.meta.ns = "prod";
  world.add(elsewhere);
  model::Service web = service("shop", "web", "10.96.0.1", {service_port("http", 80, uint16_t{8080})});
  world.add(web);
  EXPECT_EQ(port_endpoints(world.compile().snapshot, kWeb, 80), "10.0.0.1:8080");

  web.publish_not_ready = true;
  world.add(web);
  EXPECT_EQ(port_endpoints(world.compile().snapshot, kWeb, 80), "10.0.0.1:8080 10.0.0.2:8080");
}

TEST(ServicesTest, ASliceDecidesWhereThereIsOne) {
  World world;
  world.add(web_pod("web-a", "10.0.0.1"));
  world.add(service("shop", "web", "10.96.0.1", {service_port("http", 80, uint16_t{8080})}));
  model::EndpointAddress unready = endpoint("10.0.0.8");
  unready.ready = false;
  model::EndpointAddress ending = endpoint("10.0.0.9");
  ending.terminating = true;
  world.add(slice("web-1", {endpoint("10.0.0.7"), unready, ending}));
  world.add(slice("web-2", {endpoint("10.0.0.7"), endpoint("10.0.0.6")}));
  EXPECT_EQ(port_endpoints(world.compile().snapshot, kWeb, 80), "10.0.0.6:8080 10.0.0.7:8080");

  world.objects.objects.erase({"EndpointSlice", "shop", "web-2"});
  world.add(slice("web-1", {}));
  EXPECT_EQ(port_endpoints(world.compile().snapshot, kWeb, 80), "") << "an empty slice is no missing one";
}

TEST(ServicesTest, NamedTargetPortsAreLookedUpInEachPod) {
  World world;
  world.add(web_pod("web-old", "10.0.0.1"));
  model::Pod other = web_pod("web-new", "10.0.0.2");
  other.ports = {{.name = "http", .port = 9090}};
  world.add(other);
  model::Pod without = web_pod("web-none", "10.0.0.3");
  without.ports = {{.name = "http", .port = 53, .protocol = "UDP"}};
  world.add(without);
  world.add(service("shop", "web", "10.96.0.1", {service_port("http", 80, "http")}));
  EXPECT_EQ(port_endpoints(world.compile().snapshot, kWeb, 80), "10.0.0.1:8080 10.0.0.2:9090");
}

TEST(ServicesTest, PortsThatAreNotTcpAreLeftOut) {
  World world;
  model::ServicePort dns = service_port("dns", 53, uint16_t{53});
  dns.protocol = "UDP";
  world.add(service("shop", "web", "10.96.0.1", {dns, service_port("http", 80, uint16_t{8080})}));
  const Compiled compiled = world.compile();
  ASSERT_EQ(compiled.snapshot.services(0).ports_size(), 1);
  EXPECT_EQ(compiled.snapshot.services(0).ports(0).port(), 80U);
}

TEST(ServicesTest, VipsAreClusterAndExternalAddressesAndHeadlessGoesToTheDialledPod) {
  World world;
  model::Service web = service("shop", "web", "10.96.0.1", {service_port("http", 80, uint16_t{8080})});
  web.external_ips = {ip("192.0.2.1")};
  world.add(web);
  world.add(service("shop", "db", "", {service_port("tcp", 5432, uint16_t{5432})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  const wire::Service* found = find_service(snapshot, kWeb);
  ASSERT_EQ(found->vips_size(), 2);
  EXPECT_EQ(found->vips(0), wire_ip("10.96.0.1"));
  EXPECT_EQ(found->vips(1), wire_ip("192.0.2.1"));
  const wire::Service* db = find_service(snapshot, "db.shop.svc.cluster.local");
  EXPECT_TRUE(db->headless());
  EXPECT_EQ(db->vips_size(), 0);
  const wire::Cluster& cluster = snapshot.clusters(static_cast<int>(db->ports(0).cluster()));
  EXPECT_TRUE(cluster.original_destination());
  EXPECT_EQ(cluster.name(), "outbound|5432||db.shop.svc.cluster.local");
}

TEST(ServicesTest, ExternalNameIsReportedAndLeftOut) {
  World world;
  model::Service alias;
  alias.meta = meta("shop", "alias");
  alias.type = "ExternalName";
  alias.external_name = "web.prod.svc.cluster.local";
  world.add(alias);
  const Compiled compiled = world.compile();
  EXPECT_EQ(compiled.snapshot.services_size(), 0);
  EXPECT_EQ(count(compiled, code::kExternalName), 1);
}

TEST(ServicesTest, AServiceWithoutSelectorLendsItsProtocolToThePodsOfItsSlices) {
  World world;
  model::Pod legacy = pod("outside", "legacy", "10.0.0.5");
  legacy.ports = {{.name = "x", .port = 8000}};
  world.add(legacy);
  model::Service web = service("shop", "web", "10.96.0.1", {service_port("http", 80, uint16_t{8080})});
  web.selector.clear();
  world.add(web);
  world.add(slice("web-1", {endpoint("10.0.0.5")}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(port_endpoints(snapshot, kWeb, 80), "10.0.0.5:8080");
  const wire::Workload* found = workload(snapshot, "outside/legacy");
  ASSERT_EQ(found->ports_size(), 1);
  EXPECT_EQ(found->ports(0).protocol(), wire::HTTP);
  EXPECT_EQ(found->ports(0).service(), 1U);
}

TEST(PortsTest, APodPortTakesTheStrongestOfItsServicesThenTheContainerPortsName) {
  World world;
  model::Pod web = web_pod("web", "10.0.0.1");
  web.ports = {{.name = "http", .port = 8080}, {.name = "http-admin", .port = 9090}, {.name = "x", .port = 7070}};
  world.add(web);
  model::Service raw = service("shop", "raw", "10.96.0.2", {service_port("tcp", 81, uint16_t{8080})});
  raw.selector = {{"app", "web"}};
  raw.meta.creation_timestamp = "2024-01-01T00:00:00Z";
  world.add(raw);
  model::Service http = service("shop", "web", "10.96.0.1",
                                {service_port("http", 80, uint16_t{8080}), service_port("", 82, uint16_t{9090})});
  http.meta.creation_timestamp = "2024-01-02T00:00:00Z";
  world.add(http);
  const wire::Workload found = *workload(world.compile().snapshot, "shop/web");
  ASSERT_EQ(found.ports_size(), 2) << "7070 declares nothing, and nothing targets it";
  EXPECT_EQ(found.ports(0).port(), 8080U);
  EXPECT_EQ(found.ports(0).protocol(), wire::HTTP);
  EXPECT_EQ(found.ports(0).service(), 1U) << "raw is the older one";
  EXPECT_EQ(found.ports(1).port(), 9090U);
  EXPECT_EQ(found.ports(1).protocol(), wire::HTTP) << "its service declares nothing, its container port does";
}

TEST(PortsTest, AnUndeclaredPortThatAVirtualServiceSelectsIsHttp) {
  World world;
  world.enrol(web_pod("web", "10.0.0.1"));
  world.add(service("shop", "web", "10.96.0.1",
                    {service_port("", 80, uint16_t{9000}), service_port("raw", 81, uint16_t{9001})}));
  model::HttpMatch match = prefix("/");
  match.port = 80;
  world.add(virtual_service("shop", "web", {"web"}, {rule(match, to("web"))}));
  const Compiled compiled = world.compile();
  const wire::Service* found = find_service(compiled.snapshot, kWeb);
  EXPECT_EQ(found->ports(0).protocol(), wire::HTTP);
  EXPECT_EQ(found->ports(1).protocol(), wire::UNDECLARED) << "no rule is for port 81";
  EXPECT_EQ(workload(compiled.snapshot, "shop/web")->ports(1).port(), 9000U);
  EXPECT_EQ(workload(compiled.snapshot, "shop/web")->ports(1).protocol(), wire::HTTP);
  EXPECT_EQ(count(compiled, code::kTreatedAsHttp), 1);
}

TEST(PortsTest, AnUndeclaredPortThatAnHttpPolicySelectsIsHttpAndSoIsTheServicePortBeforeIt) {
  using Action = model::AuthorizationPolicy::Action;
  World world;
  model::Pod web = web_pod("web", "10.0.0.1");
  web.ports = {{.name = "extra", .port = 9000}, {.name = "db", .port = 3306}};
  world.enrol(web);
  world.add(service("shop", "web", "10.96.0.1", {service_port("", 80, uint16_t{9000})}));
  world.add(authorization("shop", "web", Action::kAllow, {path_rule("/open")}));
  const Compiled compiled = world.compile();
  EXPECT_EQ(find_service(compiled.snapshot, kWeb)->ports(0).protocol(), wire::HTTP);
  const wire::Workload* found = workload(compiled.snapshot, "shop/web");
  ASSERT_EQ(found->ports_size(), 2);
  EXPECT_EQ(found->ports(0).protocol(), wire::TCP) << "3306 is well known";
  EXPECT_EQ(found->ports(1).protocol(), wire::HTTP);
  EXPECT_EQ(count(compiled, code::kTreatedAsHttp), 1);

  world.inputs.pods["shop/web"].mode = Mode::kOff;
  EXPECT_EQ(find_service(world.compile().snapshot, kWeb)->ports(0).protocol(), wire::UNDECLARED)
      << "nobody enforces a policy at a pod that is off";
}

TEST(PortsTest, Http2ThatAnHttpPolicySelectsIsRefused) {
  using Action = model::AuthorizationPolicy::Action;
  World world;
  model::Pod web = web_pod("web", "10.0.0.1");
  web.ports = {{.name = "grpc", .port = 9000}, {.name = "grpc-b", .port = 9001}};
  world.enrol(web);
  world.add(service("shop", "web", "10.96.0.1", {service_port("grpc", 80, uint16_t{9000})}));
  model::AuthorizationRule only_9000 = path_rule("/x");
  only_9000.to[0].ports = {"9000"};
  world.add(authorization("shop", "web", Action::kDeny, {only_9000}));
  const Compiled compiled = world.compile();
  const wire::Workload* found = workload(compiled.snapshot, "shop/web");
  EXPECT_EQ(found->ports(0).protocol(), wire::HTTP2);
  EXPECT_TRUE(found->ports(0).refuse_opaque());
  EXPECT_FALSE(found->ports(1).refuse_opaque()) << "the rule is for port 9000 alone";
  ASSERT_EQ(count(compiled, code::kHttp2Refused), 1);
}

TEST(PortsTest, Http2ThatAVirtualServiceSelectsIsReportedOnce) {
  World world;
  world.enrol(web_pod("web", "10.0.0.1"));
  world.add(service("shop", "web", "10.96.0.1", {service_port("http2", 80, uint16_t{8080})}));
  world.add(virtual_service("shop", "web", {"web"}, {rule({{to("web"), 0}})}));
  EXPECT_EQ(count(world.compile(), code::kHttp2Refused), 1);
}

TEST(WorkloadsTest, EnrolledOnesHaveTheirCookieAndOthersNone) {
  World world;
  world.enrol(web_pod("web-a", "10.0.0.1"));
  world.enrol(web_pod("web-off", "10.0.0.2"), Mode::kOff);
  world.add(web_pod("web-remote", "10.0.0.3"));
  world.add(web_pod("web-pending", ""));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(snapshot.workloads_size(), 3);
  EXPECT_EQ(workload(snapshot, "shop/web-a")->netns(), 1001U);
  EXPECT_EQ(workload(snapshot, "shop/web-a")->mode(), wire::NODE);
  EXPECT_EQ(workload(snapshot, "shop/web-off")->netns(), 1002U);
  EXPECT_EQ(workload(snapshot, "shop/web-off")->mode(), wire::OFF);
  EXPECT_EQ(workload(snapshot, "shop/web-remote")->netns(), 0U);
}

TEST(WorkloadsTest, TheAddressFoundInTheNetnsGoesBeforeTheStatus) {
  World world;
  world.enrol(web_pod("web", ""));
  world.inputs.pods["shop/web"].ips = {ip("10.0.0.9")};
  const wire::Snapshot snapshot = world.compile().snapshot;
  ASSERT_EQ(workload(snapshot, "shop/web")->ips_size(), 1);
  EXPECT_EQ(workload(snapshot, "shop/web")->ips(0), wire_ip("10.0.0.9"));
}

TEST(WorkloadsTest, AnAddressBelongsToOnePodTheOneThatRuns) {
  World world;
  model::Pod ending = web_pod("a-old", "10.0.0.1");
  ending.terminating = true;
  world.enrol(ending);
  world.enrol(web_pod("b-new", "10.0.0.1"));
  Compiled compiled = world.compile();
  EXPECT_EQ(workload(compiled.snapshot, "shop/a-old")->ips_size(), 0);
  EXPECT_EQ(workload(compiled.snapshot, "shop/b-new")->ips_size(), 1);
  EXPECT_EQ(count(compiled, code::kAddressTwice), 0) << "a pod that ends is no mistake";

  world.add(web_pod("c-wrong", "10.0.0.1"));
  compiled = world.compile();
  EXPECT_EQ(workload(compiled.snapshot, "shop/b-new")->ips_size(), 1);
  EXPECT_EQ(count(compiled, code::kAddressTwice), 1);
}

TEST(WorkloadsTest, ANetnsBelongsToOnePod) {
  World world;
  world.enrol(web_pod("web-a", "10.0.0.1"));
  world.enrol(web_pod("web-b", "10.0.0.2"));
  world.inputs.pods["shop/web-b"].netns = world.inputs.pods["shop/web-a"].netns;
  const Compiled compiled = world.compile();
  EXPECT_EQ(workload(compiled.snapshot, "shop/web-b")->netns(), 0U);
  EXPECT_EQ(count(compiled, code::kNetnsTwice), 1);
}

TEST(WorkloadsTest, AHostNetworkPodIsAnEndpointButOwnsNoAddress) {
  World world;
  model::Pod web = web_pod("web", "192.0.2.7");
  web.host_network = true;
  world.enrol(web);
  world.add(service("shop", "web", "10.96.0.1", {service_port("http", 80, uint16_t{8080})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(workload(snapshot, "shop/web")->ips_size(), 0);
  EXPECT_EQ(workload(snapshot, "shop/web")->netns(), 0U);
  EXPECT_EQ(port_endpoints(snapshot, kWeb, 80), "192.0.2.7:8080");
  EXPECT_EQ(snapshot.clusters(0).endpoints(0).workload(), 1U);
}

TEST(WorkloadsTest, IdentitiesAreThoseOfTheServiceAccounts) {
  World world;
  model::Pod a = web_pod("web-a", "10.0.0.1");
  a.service_account = "web";
  model::Pod b = web_pod("web-b", "10.0.0.2");
  b.service_account = "web";
  world.enrol(a);
  world.enrol(b);
  world.add(pod("prod", "client", "10.0.0.3"));
  const wire::Snapshot snapshot = world.compile().snapshot;
  ASSERT_EQ(snapshot.identities_size(), 2);
  EXPECT_EQ(snapshot.identities(0).spiffe(), "spiffe://cluster.local/ns/prod/sa/client");
  EXPECT_EQ(snapshot.identities(1).spiffe(), "spiffe://cluster.local/ns/shop/sa/web");
  EXPECT_EQ(workload(snapshot, "shop/web-a")->identity(), workload(snapshot, "shop/web-b")->identity());
  EXPECT_NE(snapshot.identities(0).id(), 0U);
}

TEST(CompileTest, EqualInputsGiveEqualBytes) {
  World world;
  world.enrol(pod("shop", "web", "10.0.0.1", {{"app", "web"}, {"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}));
  world.add(service("shop", "web", "10.96.0.1", {service_port("http", 80, uint16_t{8080})}));
  model::HttpMatch match = prefix("/x");
  match.source_labels = {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}};
  world.add(virtual_service("shop", "web", {"web"}, {rule(match, to("web"))}));
  const std::string bytes = serialize(world.compile().snapshot);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(serialize(world.compile().snapshot), bytes);
  }
  world.inputs.generation = 7;
  EXPECT_NE(serialize(world.compile().snapshot), bytes);
}

TEST(CompileTest, ASnapshotCanBeBuiltFromTheResult) {
  World world;
  world.enrol(web_pod("web-a", "10.0.0.1"));
  world.add(service("shop", "web", "10.96.0.1", {service_port("http", 80, "http")}));
  world.add(virtual_service("shop", "web", {"web"}, {rule({{to("web"), 0}, {to("nothing"), 1}})}));
  world.add(authorization("shop", "web", model::AuthorizationPolicy::Action::kDeny, {path_rule("/x")}));
  const std::string bytes = serialize(world.compile().snapshot);
  const auto snapshot = config::Snapshot::parse(std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(snapshot.has_value()) << snapshot.error().message();
  EXPECT_NE((*snapshot)->find_host("web", 80, "shop").table, nullptr);
}

}  // namespace
}  // namespace fairlead::compile
