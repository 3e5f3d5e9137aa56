// From the wire form to routes, and what is refused.
#include "tests/unit/route/route_wire.h"
#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/route/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace fairlead::route {
namespace {

using config::Cluster;
using test::answer;
using test::forward;
using test::regex;
using testing::StartsWith;

std::vector<std::unique_ptr<Cluster>> clusters(int count) {
  std::vector<std::unique_ptr<Cluster>> result;
  for (int i = 0; i < count; ++i) {
    result.push_back(std::make_unique<Cluster>());
  }
  return result;
}

TEST(RouteBuild, EverythingOfARouteIsTakenOver) {
  const auto all = clusters(2);
  auto wire = forward({{90, 2}, {10, 0}});
  auto* to = wire.mutable_forward()->mutable_clusters(0);
  to->mutable_request_headers()->add_set()->set_name("x-dest");
  to->mutable_response_headers()->add_remove("server");
  auto* header = wire.mutable_request_headers()->add_add();
  header->set_name("x-route");
  header->set_value("1");
  wire.mutable_response_headers()->add_set()->set_name("x-served");
  wire.set_timeout_ms(1500);
  wire.mutable_rewrite()->set_uri("/r");
  wire.mutable_rewrite()->set_authority("other");
  wire.set_name("primary");

  const auto table = RouteTable::build(test::table_wire({wire}), all).value();
  EXPECT_EQ(table->name, "VirtualService/shop/web");
  ASSERT_EQ(table->routes.size(), 1u);
  const Route& route = table->routes[0];
  EXPECT_EQ(route.name, "primary");
  EXPECT_EQ(route.timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(route.rewrite_uri, "/r");
  EXPECT_EQ(route.rewrite_authority, "other");
  ASSERT_EQ(route.request_headers.add.size(), 1u);
  EXPECT_EQ(route.request_headers.add[0].name, "x-route");
  EXPECT_EQ(route.request_headers.add[0].value, "1");
  EXPECT_EQ(route.response_headers.set.at(0).name, "x-served");
  const auto& action = std::get<Forward>(route.action);
  EXPECT_EQ(action.total_weight, 100u);
  EXPECT_EQ(action.clusters.at(0).cluster, all[1].get());
  EXPECT_EQ(action.clusters.at(0).request_headers.set.at(0).name, "x-dest");
  EXPECT_EQ(action.clusters.at(0).response_headers.remove.at(0), "server");
  EXPECT_EQ(action.clusters.at(1).cluster, nullptr) << "0 stands for a destination that does not exist";
}

TEST(RouteBuild, TheOnlyDestinationGetsEverythingWhateverItsWeight) {
  const auto all = clusters(1);
  const auto table = RouteTable::build(test::table_wire({forward({{0, 1}})}), all).value();
  EXPECT_EQ(std::get<Forward>(table->routes[0].action).pick(~uint64_t{0}).cluster, all[0].get());
}

TEST(RouteBuild, DirectResponsesAndRedirectsAreTakenOver) {
  auto direct = answer(418);
  direct.mutable_direct_response()->set_body("teapot");
  auto redirect = answer(200);
  redirect.mutable_redirect()->set_uri("/new");
  redirect.mutable_redirect()->set_port(8080);
  const auto table = RouteTable::build(test::table_wire({direct, redirect}), {}).value();
  EXPECT_EQ(std::get<DirectResponse>(table->routes[0].action).status, 418);
  EXPECT_EQ(std::get<DirectResponse>(table->routes[0].action).body, "teapot");
  EXPECT_EQ(std::get<Redirect>(table->routes[1].action).status, 301) << "Istio's default";
  EXPECT_EQ(std::get<Redirect>(table->routes[1].action).uri, "/new");
  EXPECT_EQ(std::get<Redirect>(table->routes[1].action).port, 8080);
}

TEST(RouteBuild, AnErrorNamesTheField) {
  auto absent = regex("");
  absent.set_present(false);
  auto no_action = answer(200);
  no_action.clear_action();
  auto redirect_status = answer(200), redirect_port = answer(200), no_clusters = answer(200);
  redirect_status.mutable_redirect()->set_status(300);
  redirect_port.mutable_redirect()->set_port(70'000);
  no_clusters.mutable_forward();
  const struct {
    config::wire::Route route;
    const char* field;
  } cases[] = {
      {answer(200, {{.uri = regex("(")}}), "routes[1].matches[0].uri.regex: "},
      {answer(200, {{}, {.authority = regex("(?=a)")}}), "routes[1].matches[1].authority.regex: "},
      {answer(200, {{.headers = {{"a", regex("[")}}}}), "routes[1].matches[0].headers[0].value.regex: "},
      {answer(200, {{.without_headers = {{"", {}}}}}), "routes[1].matches[0].without_headers[0].name: "},
      {answer(200, {{.query_params = {{"a", absent}}}}), "routes[1].matches[0].query_params[0].value.present: "},
      {forward({{1, 2}}), "routes[1].forward.clusters[0].cluster: "},
      {forward({{0, 1}, {0, 1}}), "routes[1].forward.clusters: "},
      {no_clusters, "routes[1].forward.clusters: "},
      {answer(100), "routes[1].direct_response.status: "},
      {answer(601), "routes[1].direct_response.status: "},
      {redirect_status, "routes[1].redirect.status: "},
      {redirect_port, "routes[1].redirect.port: "},
      {no_action, "routes[1]: "},
  };
  const auto all = clusters(1);
  for (const auto& c : cases) {
    const auto built = RouteTable::build(test::table_wire({answer(200), c.route}), all);
    ASSERT_FALSE(built) << c.field;
    EXPECT_THAT(built.error().message(), StartsWith(c.field));
  }
}

}  // namespace
}  // namespace fairlead::route
