// VirtualServices and DestinationRules in the snapshot.
#include "agent/compile/messages.h"
#include "tests/unit/compile/builders.h"

#include <gtest/gtest.h>

namespace fairlead::compile {
namespace {

constexpr std::string_view kReviews = "reviews.shop.svc.cluster.local";

class RoutesTest : public testing::Test {
 protected:
  RoutesTest() {
    add_pod("reviews-v1", "10.0.0.1", "v1");
    add_pod("reviews-v2", "10.0.0.2", "v2");
    world.add(service("shop", "reviews", "10.96.0.1", {service_port("http", 9080, uint16_t{9080})}));
    world.add(destination_rule("shop", "reviews", "reviews", {{"v1", "v1"}, {"v2", "v2"}}));
  }

  void add_pod(const std::string& name, const std::string& address, const std::string& version) {
    world.enrol(pod("shop", name, address, {{"app", "reviews"}, {"version", version}}));
  }

  World world;
};

// Where a table's first route goes, as "WEIGHT:ENDPOINTS" each; "WEIGHT:503" for a destination that does not exist.
std::string first_route(const wire::Snapshot& snapshot, const wire::RouteTable* table) {
  if (table == nullptr) {
    return "no table";
  }
  std::string out;
  for (const auto& cluster : table->routes(0).forward().clusters()) {
    out += (out.empty() ? "" : ", ") + std::to_string(cluster.weight()) + ":" +
           (cluster.cluster() == 0 ? "503" : endpoints(snapshot, cluster.cluster()));
  }
  return out;
}

TEST_F(RoutesTest, ShortHostsMeanTheRulesNamespaceAndWeightsAreKept) {
  world.add(virtual_service("shop", "reviews", {"reviews"},
                            {rule({{to("reviews", "v1"), 75}, {to("reviews", "v2"), 25}, {to("reviews"), 0}})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  const wire::RouteTable* found = table(snapshot, kReviews, 9080);
  EXPECT_EQ(first_route(snapshot, found), "75:10.0.0.1:9080, 25:10.0.0.2:9080");
  EXPECT_EQ(found->name(), "VirtualService/shop/reviews");
  EXPECT_EQ(snapshot.virtual_hosts_size(), 1);
}

TEST_F(RoutesTest, ASingleDestinationGetsAllWhateverItsWeight) {
  world.add(virtual_service("shop", "reviews", {"reviews"}, {rule({{to("reviews", "v2"), 0}})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(first_route(snapshot, table(snapshot, kReviews, 9080)), "1:10.0.0.2:9080");
}

TEST_F(RoutesTest, ADestinationThatDoesNotExistIsA503AndAMessage) {
  world.add(virtual_service("shop", "reviews", {"reviews"},
                            {rule({{to("nothing"), 1},
                                   {to("reviews", "v9"), 2},
                                   {to("reviews", "", 81), 3},
                                   {to("reviews.shop"), 4},
                                   {to("reviews", "v1", 9080), 5}})}));
  const Compiled compiled = world.compile();
  EXPECT_EQ(first_route(compiled.snapshot, table(compiled.snapshot, kReviews, 9080)),
            "1:503, 2:503, 3:503, 4:503, 5:10.0.0.1:9080");
  EXPECT_EQ(count(compiled, code::kNoDestination), 4);
}

TEST_F(RoutesTest, StaticSelectorsAreDecidedPerPort) {
  world.add(service("shop", "web", "10.96.0.2",
                    {service_port("http", 80, uint16_t{8080}), service_port("http-admin", 81, uint16_t{8081}),
                     service_port("tcp", 82, uint16_t{8082})}));
  model::HttpMatch on_81 = prefix("/a");
  on_81.port = 81;
  model::HttpMatch front = prefix("/");
  front.gateways = {"front"};
  model::HttpMatch mesh = prefix("/b");
  mesh.gateways = {"mesh"};
  mesh.source_labels = {{"app", "x"}};
  mesh.source_namespace = "prod";
  world.add(
      virtual_service("shop", "web", {"web"},
                      {rule(on_81, to("web")), rule(front, to("web")), rule(mesh, to("web")), rule({{to("web"), 0}})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  const std::string host = "web.shop.svc.cluster.local";
  ASSERT_NE(table(snapshot, host, 80), nullptr);
  ASSERT_NE(table(snapshot, host, 81), nullptr);
  EXPECT_EQ(table(snapshot, host, 82), nullptr) << "http rules do not touch a TCP port";
  EXPECT_EQ(table(snapshot, host, 80)->routes_size(), 2);
  ASSERT_EQ(table(snapshot, host, 81)->routes_size(), 3);
  EXPECT_EQ(table(snapshot, host, 81)->routes(0).matches(0).uri().prefix(), "/a");
  const wire::RouteMatch& kept = table(snapshot, host, 80)->routes(0).matches(0);
  EXPECT_EQ(kept.source_namespace(), "prod");
  EXPECT_TRUE(kept.source_labels().empty()) << "Istio ignores sourceLabels where gateways are named";
  // Without a port of their own, destinations of a service with several ports take the dialled one.
  const auto cluster_of = [&](uint32_t port) {
    const wire::RouteTable& found = *table(snapshot, host, port);
    return snapshot
        .clusters(static_cast<int>(found.routes(found.routes_size() - 1).forward().clusters(0).cluster()) - 1)
        .name();
  };
  EXPECT_EQ(cluster_of(80), "outbound|80||" + host);
  EXPECT_EQ(cluster_of(81), "outbound|81||" + host);
}

TEST_F(RoutesTest, APortForWhichNoRuleIsKeepsTheServicesOwnRoute) {
  model::HttpMatch other = prefix("/");
  other.port = 81;
  world.add(virtual_service("shop", "reviews", {"reviews"}, {rule(other, to("reviews"))}));
  EXPECT_EQ(world.compile().snapshot.virtual_hosts_size(), 0);
}

TEST_F(RoutesTest, TheListEndsWithTheFirstRuleThatTakesEverything) {
  model::HttpMatch with_header = prefix("/");
  with_header.headers["x"] = {.form = model::StringMatch::Form::kExact, .text = "1"};
  model::HttpMatch from_prod = prefix("/");
  from_prod.source_namespace = "prod";
  world.add(virtual_service("shop", "reviews", {"reviews"},
                            {rule(with_header, to("reviews")), rule(from_prod, to("reviews")),
                             rule(prefix("/"), to("reviews")), rule(prefix("/late"), to("reviews"))}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(table(snapshot, kReviews, 9080)->routes_size(), 3);
}

TEST_F(RoutesTest, ARuleOfAGatewayOnlyIsNotTheMeshs) {
  auto object = virtual_service("shop", "reviews", {"reviews"}, {rule({{to("reviews", "v2"), 0}})});
  object.gateways = {"front"};
  world.add(object);
  EXPECT_EQ(world.compile().snapshot.virtual_hosts_size(), 0);
  object.gateways = {"front", "mesh"};
  world.add(object);
  EXPECT_EQ(world.compile().snapshot.virtual_hosts_size(), 1);
}

TEST_F(RoutesTest, OfTwoObjectsForOneHostTheOlderCountsAndTheOtherIsReported) {
  auto older = virtual_service("shop", "z-older", {"reviews"}, {rule({{to("reviews", "v1"), 0}})});
  older.meta.creation_timestamp = "2024-03-01T10:00:00Z";
  auto newer = virtual_service("shop", "a-newer", {std::string(kReviews)}, {rule({{to("reviews", "v2"), 0}})});
  newer.meta.creation_timestamp = "2024-03-02T10:00:00Z";
  world.add(older);
  world.add(newer);
  const Compiled compiled = world.compile();
  EXPECT_EQ(first_route(compiled.snapshot, table(compiled.snapshot, kReviews, 9080)), "1:10.0.0.1:9080");
  ASSERT_EQ(count(compiled, code::kHostTaken), 1);
  for (const auto& message : compiled.messages) {
    if (message.code == code::kHostTaken) {
      EXPECT_EQ(message.object, "VirtualService/shop/a-newer");
    }
  }
}

TEST_F(RoutesTest, AWildcardCoversServicesUnlessOneHasItsOwnRules) {
  world.add(service("shop", "pay", "10.96.0.3", {service_port("http", 80, uint16_t{8080})}));
  world.add(service("prod", "cart", "10.96.0.4", {service_port("http", 80, uint16_t{8080})}));
  world.add(virtual_service("shop", "all", {"*.shop.svc.cluster.local"}, {rule({{to("reviews", "v1"), 0}})}));
  world.add(virtual_service("shop", "pay", {"pay"}, {rule({{to("pay"), 0}})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(table(snapshot, kReviews, 9080)->name(), "VirtualService/shop/all");
  EXPECT_EQ(table(snapshot, "pay.shop.svc.cluster.local", 80)->name(), "VirtualService/shop/pay");
  EXPECT_EQ(table(snapshot, "cart.prod.svc.cluster.local", 80), nullptr);
}

TEST_F(RoutesTest, AHostThatIsNoServiceIsADomainOfItsOwn) {
  model::HttpMatch on_81 = prefix("/");
  on_81.port = 81;
  world.add(virtual_service("shop", "ext", {"www.example.com", "*.example.org"},
                            {rule(on_81, to("reviews", "v1")), rule({{to("reviews", "v2"), 0}})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  for (const std::string host : {"www.example.com", "*.example.org"}) {
    EXPECT_EQ(first_route(snapshot, table(snapshot, host, 0)), "1:10.0.0.2:9080");
    EXPECT_EQ(first_route(snapshot, table(snapshot, host, 81)), "1:10.0.0.1:9080");
  }
}

TEST_F(RoutesTest, APrivateRuleIsForItsOwnNamespaceAndGoesBeforePublicOnes) {
  auto own = virtual_service("prod", "own", {std::string(kReviews)}, {rule({{to(std::string(kReviews), "v2"), 0}})});
  own.export_to = {"."};
  own.meta.creation_timestamp = "2024-03-02T10:00:00Z";
  world.add(own);
  wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(table(snapshot, kReviews, 9080), nullptr);
  EXPECT_EQ(first_route(snapshot, table(snapshot, kReviews, 9080, "prod")), "1:10.0.0.2:9080");

  auto open = virtual_service("shop", "open", {"reviews"}, {rule({{to("reviews", "v1"), 0}})});
  open.meta.creation_timestamp = "2024-03-01T10:00:00Z";
  world.add(open);
  const Compiled compiled = world.compile();
  EXPECT_EQ(first_route(compiled.snapshot, table(compiled.snapshot, kReviews, 9080)), "1:10.0.0.1:9080");
  EXPECT_EQ(first_route(compiled.snapshot, table(compiled.snapshot, kReviews, 9080, "prod")), "1:10.0.0.2:9080");
  EXPECT_EQ(count(compiled, code::kHostTaken), 0);
}

TEST_F(RoutesTest, SubsetsComeFromTheClientsNamespaceFirst) {
  world.add(destination_rule("prod", "swapped", std::string(kReviews), {{"v1", "v2"}, {"v2", "v1"}}));
  world.add(virtual_service("shop", "reviews", {"reviews"}, {rule({{to("reviews", "v1"), 0}})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(first_route(snapshot, table(snapshot, kReviews, 9080)), "1:10.0.0.1:9080");
  EXPECT_EQ(first_route(snapshot, table(snapshot, kReviews, 9080, "prod")), "1:10.0.0.2:9080");
  EXPECT_EQ(snapshot.virtual_hosts_size(), 2) << "shop's own view is the general one";
}

TEST_F(RoutesTest, ADestinationRuleOfTheRootNamespaceIsTheLastResortAndARuleOfAnotherNamespaceNone) {
  world.objects.objects.erase({"DestinationRule", "shop", "reviews"});
  world.add(destination_rule("elsewhere", "reviews", std::string(kReviews), {{"v1", "v2"}}));
  world.add(virtual_service("shop", "reviews", {"reviews"}, {rule({{to("reviews", "v1"), 0}})}));
  wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(first_route(snapshot, table(snapshot, kReviews, 9080)), "1:503");

  world.add(destination_rule("istio-system", "all", "*.svc.cluster.local", {{"v1", "v1"}}));
  snapshot = world.compile().snapshot;
  EXPECT_EQ(first_route(snapshot, table(snapshot, kReviews, 9080)), "1:10.0.0.1:9080");
}

TEST_F(RoutesTest, RulesForOneHostAreMergedAndTheConnectTimeoutIsTheOldestsThatHasOne) {
  auto second = destination_rule("shop", "second", std::string(kReviews), {{"v1", "other"}, {"v3", "v1"}});
  second.connect_timeout = std::chrono::milliseconds(250);
  second.meta.creation_timestamp = "2024-01-01T00:00:00Z";
  world.add(second);
  world.add(
      virtual_service("shop", "reviews", {"reviews"}, {rule({{to("reviews", "v1"), 1}, {to("reviews", "v3"), 1}})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(first_route(snapshot, table(snapshot, kReviews, 9080)), "1:10.0.0.1:9080, 1:10.0.0.1:9080");
  EXPECT_EQ(snapshot.clusters(0).connect_timeout_ms(), 250U);
  EXPECT_EQ(find_service(snapshot, kReviews)->ports(0).cluster(), 0U);
}

TEST_F(RoutesTest, TheRestOfARuleIsTranslated) {
  model::HttpMatch match;
  match.name = "m";
  match.uri = {.form = model::StringMatch::Form::kRegex, .text = "/a.*"};
  match.method = {.form = model::StringMatch::Form::kExact, .text = "GET"};
  match.headers["X-A"] = {.form = model::StringMatch::Form::kPresent, .text = ""};
  match.headers["X-B"] = {.form = model::StringMatch::Form::kRegex, .text = "*"};
  match.headers["method"] = {.form = model::StringMatch::Form::kExact, .text = "PUT"};
  match.without_headers["X-C"] = {.form = model::StringMatch::Form::kPrefix, .text = "c"};
  match.query_params["Q"] = {.form = model::StringMatch::Form::kExact, .text = "1"};
  match.ignore_uri_case = true;
  match.source_labels = {{"app", "client"}};
  model::HttpRoute object = rule(match, to("reviews", "v1"));
  object.name = "r";
  object.timeout = std::chrono::milliseconds(1500);
  object.rewrite_uri = "/z";
  object.headers.request.set = {{"b", "2"}, {"a", "1"}};
  object.headers.response.remove = {"X-Gone"};
  object.destinations[0].headers.response.add = {{"x-d", "d"}};
  world.add(virtual_service("shop", "reviews", {"reviews"}, {object}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  const wire::Route& route = table(snapshot, kReviews, 9080)->routes(0);
  EXPECT_EQ(route.name(), "r.m");
  EXPECT_EQ(route.timeout_ms(), 1500U);
  EXPECT_EQ(route.rewrite().uri(), "/z");
  EXPECT_EQ(route.request_headers().set(0).name(), "a") << "in the order of their names";
  EXPECT_EQ(route.response_headers().remove(0), "x-gone");
  EXPECT_EQ(route.forward().clusters(0).response_headers().add(0).value(), "d");
  const wire::RouteMatch& out = route.matches(0);
  EXPECT_EQ(out.uri().regex(), "/a.*");
  EXPECT_EQ(out.method().exact(), "GET");
  ASSERT_EQ(out.headers_size(), 2) << "`method` among the headers is ignored";
  EXPECT_EQ(out.headers(0).name(), "x-a");
  EXPECT_FALSE(out.headers(0).has_value());
  EXPECT_FALSE(out.headers(1).has_value());
  EXPECT_EQ(out.without_headers(0).value().prefix(), "c");
  EXPECT_EQ(out.query_params(0).name(), "Q");
  EXPECT_TRUE(out.ignore_uri_case());
  EXPECT_EQ(out.source_labels().at("app"), "client");
}

TEST_F(RoutesTest, RedirectAndDirectResponseAnswerThemselves) {
  model::HttpRoute redirect;
  redirect.matches = {prefix("/old")};
  redirect.redirect = {
      .uri = "/new", .authority = "b", .scheme = "https", .port = 443, .derive_request_port = false, .code = 308};
  model::HttpRoute direct;
  direct.direct_response = {.status = 418, .body = "tea"};
  world.add(virtual_service("shop", "reviews", {"reviews"}, {redirect, direct}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  const wire::RouteTable& found = *table(snapshot, kReviews, 9080);
  EXPECT_EQ(found.routes(0).redirect().uri(), "/new");
  EXPECT_EQ(found.routes(0).redirect().status(), 308U);
  EXPECT_EQ(found.routes(1).direct_response().status(), 418U);
  EXPECT_EQ(found.routes(1).direct_response().body(), "tea");
}

TEST_F(RoutesTest, AnObjectWithoutHttpRulesOwnsNoHost) {
  auto object = virtual_service("shop", "reviews", {"reviews"}, {});
  object.has_tcp_routes = true;
  world.add(object);
  EXPECT_EQ(world.compile().snapshot.virtual_hosts_size(), 0);
}

TEST_F(RoutesTest, ADestinationRuleForSomeClientsOnlyIsLeftOut) {
  auto selective = destination_rule("shop", "a-first", "reviews", {{"v1", "v2"}});
  selective.workload_selector = model::Labels{{"app", "client"}};
  world.add(selective);
  world.add(virtual_service("shop", "reviews", {"reviews"}, {rule({{to("reviews", "v1"), 0}})}));
  const wire::Snapshot snapshot = world.compile().snapshot;
  EXPECT_EQ(first_route(snapshot, table(snapshot, kReviews, 9080)), "1:10.0.0.1:9080");
}

}  // namespace
}  // namespace fairlead::compile
