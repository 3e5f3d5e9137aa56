// Which route a request finds: Istio's VirtualService reference, one table per subject.
#include "tests/unit/config/request.h"
#include "tests/unit/route/route_wire.h"
#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/route/route.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace fairlead::route {
namespace {

using test::answer;
using test::exact;
using test::prefix;
using test::present;
using test::regex;
using test::Request;

std::unique_ptr<RouteTable> table_of(const std::vector<config::wire::Route>& routes) {
  return RouteTable::build(test::table_wire(routes), {}).value();
}

// The status of the route that is found, 404 if none is.
uint32_t answered(const RouteTable& table, const http::RequestHead& head, const config::Workload* client = nullptr) {
  const auto found = table.find(head, client);
  return found.route == nullptr ? 404 : std::get<DirectResponse>(found.route->action).status;
}

struct Case {
  const char* name;
  const char* target;
  uint32_t status;
  const char* method = "GET";
  Request::Headers headers = {};
};

void check(const RouteTable& table, std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    Request request(c.target, c.method);
    request.with(c.headers);
    EXPECT_EQ(answered(table, request.head()), c.status) << c.name;
  }
}

TEST(RouteMatch, TheFirstRouteThatMatchesDecidesAndNoneMeansNotFound) {
  const auto table = table_of({answer(201, {{.uri = prefix("/a")}}), answer(202, {{.uri = prefix("/a/b")}}),
                               answer(203, {{.uri = exact("/c")}})});
  check(*table, {{"first of two", "/a/b", 201}, {"later one", "/c", 203}, {"none", "/d", 404}});
}

TEST(RouteMatch, ARouteWithoutConditionsTakesEverything) {
  const auto table = table_of({answer(201, {{.uri = exact("/a")}}), answer(202)});
  const Request request("/x");
  const auto found = table->find(request.head(), nullptr);
  EXPECT_EQ(found.route, &table->routes[1]);
  EXPECT_EQ(found.match, nullptr);
}

TEST(RouteMatch, TheConditionThatMatchedIsNamed) {
  const auto table = table_of({answer(201, {{.uri = exact("/a")}, {.uri = prefix("/b")}})});
  const Request request("/bc");
  EXPECT_EQ(table->find(request.head(), nullptr).match, &table->routes[0].matches[1]);
}

TEST(RouteMatch, UriIsExactPrefixOrRegexOnThePathAloneAndKeepsItsCase) {
  const auto table =
      table_of({answer(201, {{.uri = exact("/exact")}}), answer(202, {{.uri = prefix("/pre")}}),
                answer(203, {{.uri = regex("/item/[0-9]+")}}), answer(204, {{.uri = regex("/(red|blue).*")}})});
  check(*table, {
                    {"exact", "/exact", 201},
                    {"exact with a query", "/exact?a=b", 201},
                    {"exact with a slash behind", "/exact/", 404},
                    {"exact in other case", "/Exact", 404},
                    {"prefix itself", "/pre", 202},
                    {"prefix is not by segments", "/prefixed/x", 202},
                    {"prefix in other case", "/PRE/x", 404},
                    {"regex", "/item/42?x=/y", 203},
                    {"regex is anchored at the end", "/item/42/x", 404},
                    {"regex is anchored at the start", "/x/item/42", 404},
                    {"alternatives", "/blueberry", 204},
                    {"alternatives are anchored too", "/darkblue", 404},
                });
}

TEST(RouteMatch, IgnoringTheCaseConcernsExactAndPrefixOfThePathOnly) {
  const auto table = table_of(
      {answer(201, {{.uri = exact("/Login"), .headers = {{"tenant", exact("Blue")}}, .ignore_uri_case = true}}),
       answer(202, {{.uri = prefix("/API/"), .ignore_uri_case = true}}),
       answer(203, {{.uri = regex("/re[a-z]+"), .ignore_uri_case = true}})});
  check(*table, {
                    {"exact", "/lOGIN", 201, "GET", {{"tenant", "Blue"}}},
                    {"a header keeps its case", "/login", 404, "GET", {{"tenant", "blue"}}},
                    {"prefix", "/api/Users", 202},
                    {"regex in its own case", "/report", 203},
                    {"regex in other case", "/REPORT", 404},
                });
}

TEST(RouteMatch, AllConditionsOfAMatchAndOneMatchOfSeveral) {
  const auto table =
      table_of({answer(201, {{.uri = prefix("/api"), .headers = {{"canary", exact("true")}, {"x-region", exact("eu")}}},
                             {.uri = exact("/always")},
                             {.method = exact("DELETE")}})});
  check(*table, {
                    {"all of the first", "/api/x", 201, "GET", {{"canary", "true"}, {"x-region", "eu"}}},
                    {"one header missing", "/api/x", 404, "GET", {{"canary", "true"}}},
                    {"other path", "/x", 404, "GET", {{"canary", "true"}, {"x-region", "eu"}}},
                    {"the second", "/always", 201},
                    {"the third", "/x", 201, "DELETE"},
                });
}

TEST(RouteMatch, HeaderNamesIgnoreCaseValuesKeepItAndSeveralFieldsAreJoined) {
  const auto table = table_of(
      {answer(201, {{.headers = {{"end-user", exact("jason")}}}}),
       answer(202, {{.headers = {{"x-list", exact("a,b")}}}}), answer(203, {{.headers = {{"x-any", std::nullopt}}}}),
       answer(204, {{.headers = {{"x-some", present()}}}}), answer(205, {{.headers = {{"x-star", regex("*")}}}}),
       answer(206, {{.headers = {{"x-version", regex("v[12]")}}}}),
       answer(207, {{.headers = {{":authority", prefix("web")}, {"x-web", prefix("y")}}}})});
  check(*table, {
                    {"name in other case", "/", 201, "GET", {{"End-User", "jason"}}},
                    {"value in other case", "/", 404, "GET", {{"end-user", "Jason"}}},
                    {"joined", "/", 202, "GET", {{"x-list", "a"}, {"X-List", "b"}}},
                    {"present though empty", "/", 203, "GET", {{"x-any", ""}}},
                    {"present", "/", 204, "GET", {{"x-some", "1"}}},
                    {"the regex * means present", "/", 205, "GET", {{"x-star", ""}}},
                    {"regex", "/", 206, "GET", {{"x-version", "v2"}}},
                    {"regex is anchored", "/", 404, "GET", {{"x-version", "v22"}}},
                    {"pseudo-header", "/", 207, "GET", {{"x-web", "yes"}}},
                });
}

TEST(RouteMatch, WithoutHeadersHoldsWhereTheHeaderDoesNotMatch) {
  const auto table =
      table_of({answer(201, {{.uri = prefix("/exact"), .without_headers = {{"end-user", exact("jason")}}}}),
                answer(202, {{.uri = prefix("/present"), .without_headers = {{"x-internal", {}}}}}),
                answer(203, {{.uri = prefix("/both"),
                              .headers = {{"x-beta", exact("1")}},
                              .without_headers = {{"x-bot", prefix("crawl")}}}}),
                answer(204, {{.uri = prefix("/empty"), .without_headers = {{"x-a", regex("a*")}}}})});
  check(*table, {
                    {"missing", "/exact", 201},
                    {"other value", "/exact", 201, "GET", {{"end-user", "anna"}}},
                    {"that value", "/exact", 404, "GET", {{"end-user", "jason"}}},
                    {"presence, missing", "/present", 202},
                    {"presence, there", "/present", 404, "GET", {{"x-internal", ""}}},
                    {"wanted alone", "/both", 203, "GET", {{"x-beta", "1"}}},
                    {"wanted and unwanted", "/both", 404, "GET", {{"x-beta", "1"}, {"x-bot", "crawler"}}},
                    {"unwanted name, other value", "/both", 203, "GET", {{"x-beta", "1"}, {"x-bot", "human"}}},
                    {"a missing header counts as empty", "/empty", 404},
                    {"and another value does not match", "/empty", 204, "GET", {{"x-a", "b"}}},
                });
}

TEST(RouteMatch, QueryParametersCompareUndecodedAndTheFirstOfANameCounts) {
  const auto table = table_of({answer(201, {{.query_params = {{"v", exact("1")}}}}),
                               answer(202, {{.query_params = {{"x", exact("a%20b")}}}}),
                               answer(203, {{.query_params = {{"y", std::nullopt}}}}),
                               answer(204, {{.query_params = {{"z", regex("[0-9]+")}}}})});
  check(*table, {
                    {"exact", "/?u=0&v=1", 201},
                    {"the first counts", "/?v=2&v=1", 404},
                    {"names keep their case", "/?V=1", 404},
                    {"undecoded", "/?x=a%20b", 202},
                    {"decoded is another text", "/?x=a+b", 404},
                    {"present though empty", "/?y", 203},
                    {"regex", "/?z=12", 204},
                    {"no query", "/", 404},
                });
}

TEST(RouteMatch, MethodSchemeAndAuthorityAreMatchedAsSent) {
  const auto table =
      table_of({answer(201, {{.method = regex("PUT|POST")}}), answer(202, {{.authority = prefix("reviews.shop.svc")}}),
                answer(203, {{.authority = exact("reviews:9080")}}), answer(204, {{.scheme = exact("https")}}),
                answer(205, {{.scheme = exact("http")}})});
  const auto ask = [&](const char* method, const char* host) {
    return answered(*table, Request("/", method, host).head());
  };
  EXPECT_EQ(ask("POST", "x"), 201u);
  EXPECT_EQ(ask("post", "x"), 205u);
  EXPECT_EQ(ask("PATCH", "x"), 205u);
  EXPECT_EQ(ask("GET", "reviews.shop.svc.cluster.local:9080"), 202u);
  EXPECT_EQ(ask("GET", "reviews.shop:9080"), 205u);
  EXPECT_EQ(ask("GET", "reviews:9080"), 203u);
  EXPECT_EQ(ask("GET", "reviews"), 205u);
}

TEST(RouteMatch, SourceConditionsLookAtTheClientAndNeverMatchAnUnknownOne) {
  const auto table = table_of({answer(201, {{.source_namespace = "prod"}}),
                               answer(202, {{.source_labels = {{"app", "web"}, {"version", "v2"}}}}), answer(203)});
  const auto ask = [&](const config::Workload* client) { return answered(*table, Request("/").head(), client); };
  config::Workload prod, labelled, half;
  prod.ns = "prod";
  labelled.labels = {{"app", "web"}, {"version", "v2"}, {"team", "x"}};
  half.labels = {{"app", "web"}, {"version", "v1"}};
  EXPECT_EQ(ask(&prod), 201u);
  EXPECT_EQ(ask(&labelled), 202u);
  EXPECT_EQ(ask(&half), 203u);
  EXPECT_EQ(ask(nullptr), 203u);
}

}  // namespace
}  // namespace fairlead::route
