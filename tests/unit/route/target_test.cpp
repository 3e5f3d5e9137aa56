// Rewritten paths and redirects.
#include "tests/unit/config/request.h"
#include "tests/unit/route/route_wire.h"
#include "userspace-proxy/route/route.h"

#include <gtest/gtest.h>

namespace fairlead::route {
namespace {

using test::exact;
using test::MatchSpec;
using test::prefix;
using test::regex;
using test::Request;

// The path that goes out, through a route with this condition and this rewrite.
std::optional<std::string> rewritten(const std::vector<MatchSpec>& matches, const char* rewrite, const char* target) {
  auto wire = test::answer(200, matches);
  wire.mutable_rewrite()->set_uri(rewrite);
  const auto table = RouteTable::build(test::table_wire({wire}), {}).value();
  const Request request(target);
  const auto found = table->find(request.head(), nullptr);
  return found.route == nullptr ? "no route" : found.route->rewritten_target(request.head(), found.match);
}

TEST(Rewrite, APrefixIsReplacedAsTextAndTheQueryStays) {
  EXPECT_EQ(rewritten({{.uri = prefix("/strip/")}}, "/", "/strip/a/b?c=d"), "/a/b?c=d");
  EXPECT_EQ(rewritten({{.uri = prefix("/strip/")}}, "/", "/strip/"), "/");
  EXPECT_EQ(rewritten({{.uri = prefix("/double")}}, "/", "/double/a"), "//a");
  EXPECT_EQ(rewritten({{.uri = prefix("/old")}}, "/new", "/old/x"), "/new/x");
  EXPECT_EQ(rewritten({{.uri = prefix("/old")}}, "/new", "/older?x"), "/newer?x");
  EXPECT_EQ(rewritten({{.uri = prefix("/old")}}, "/new", "/old?"), "/new?");
}

TEST(Rewrite, ExactAndRegexMatchesAreReplacedAsAWhole) {
  EXPECT_EQ(rewritten({{.uri = exact("/health")}}, "/status/200", "/health?probe=1"), "/status/200?probe=1");
  EXPECT_EQ(rewritten({{.uri = regex("/v[0-9]+/.*")}}, "/whole", "/v2/a/b?c=d"), "/whole?c=d");
}

TEST(Rewrite, APrefixMatchedInAnotherCaseIsReplacedToo) {
  EXPECT_EQ(rewritten({{.uri = prefix("/Old"), .ignore_uri_case = true}}, "/new", "/oLD/x"), "/new/x");
}

TEST(Rewrite, WithoutAPathConditionTheRootIsReplaced) {
  EXPECT_EQ(rewritten({}, "/base/", "/a?b"), "/base/a?b");
  EXPECT_EQ(rewritten({{.method = exact("GET")}}, "/base/", "/a"), "/base/a");
  EXPECT_EQ(rewritten({}, "/base", "*"), std::nullopt) << "OPTIONS * has no path to replace";
}

TEST(Rewrite, TheConditionThatMatchedCounts) {
  const std::vector<MatchSpec> matches = {{.uri = prefix("/foo/")}, {.uri = prefix("/foo")}};
  EXPECT_EQ(rewritten(matches, "/", "/foo/bar"), "/bar");
  EXPECT_EQ(rewritten(matches, "/", "/foo"), "/");
}

TEST(Rewrite, WithoutRewriteThePathStays) { EXPECT_EQ(rewritten({}, "", "/a?b"), std::nullopt); }

TEST(Redirect, FieldsThatAreSetReplaceTheRequests) {
  const auto location = [](const Redirect& redirect, const char* target, const char* host) {
    return redirect.location(Request(target, "GET", host).head(), 80);
  };
  EXPECT_EQ(location({.uri = "/new"}, "/old", "web"), "http://web/new");
  EXPECT_EQ(location({.uri = "/new"}, "/old?a=b", "web"), "http://web/new?a=b");
  EXPECT_EQ(location({.uri = "/new?x"}, "/old?a=b", "web"), "http://web/new?x");
  EXPECT_EQ(location({.authority = "other.example"}, "/a?b", "web:8080"), "http://other.example/a?b");
  EXPECT_EQ(location({.authority = "other.example:81"}, "/a", "web:8080"), "http://other.example:81/a");
  EXPECT_EQ(location({.scheme = "https"}, "/a", "web"), "https://web/a");
  EXPECT_EQ(location({.port = 8443}, "/a", "web:8080"), "http://web:8443/a");
  EXPECT_EQ(location({.scheme = "https", .port = 8443}, "/a", "[fd00::1]:80"), "https://[fd00::1]:8443/a");
}

TEST(Redirect, ADefaultPortIsLeftOutAndTheClientsPortStaysUnlessItWasTheDefault) {
  const auto location = [](const Redirect& redirect, const char* host) {
    return redirect.location(Request("/a", "GET", host).head(), 80);
  };
  EXPECT_EQ(location({.port = 80}, "web:8080"), "http://web/a");
  EXPECT_EQ(location({.scheme = "https", .port = 443}, "web"), "https://web/a");
  EXPECT_EQ(location({}, "web:85"), "http://web:85/a");
  EXPECT_EQ(location({.scheme = "https"}, "web:80"), "https://web/a");
  EXPECT_EQ(location({.scheme = "https"}, "web:8080"), "https://web:8080/a");
}

TEST(Redirect, TheRequestsPortCanBeTheRedirects) {
  const Redirect same{.derive_request_port = true};
  const Redirect tls{.scheme = "https", .derive_request_port = true};
  const auto location = [](const Redirect& redirect, const char* host, uint16_t port) {
    return redirect.location(Request("/request", "GET", host).head(), port);
  };
  EXPECT_EQ(location(same, "web", 80), "http://web/request");
  EXPECT_EQ(location(same, "web:85", 85), "http://web:85/request");
  EXPECT_EQ(location(same, "web", 85), "http://web:85/request");
  EXPECT_EQ(location(tls, "web", 80), "https://web:80/request");
  EXPECT_EQ(location(tls, "web", 443), "https://web/request");
}

}  // namespace
}  // namespace fairlead::route
