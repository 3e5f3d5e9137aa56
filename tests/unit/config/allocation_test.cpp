// A decision, a route lookup and a host lookup allocate nothing: they run once or more per request.
#include "tests/unit/config/allocations.h"
#include "tests/unit/config/request.h"
#include "tests/unit/config/snapshot_wire.h"
#include "tests/unit/policy/policy_wire.h"
#include "tests/unit/route/route_wire.h"
#include "userspace-proxy/config/snapshot.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::config {
namespace {

TEST(Allocation, IsCountedHere) {
  const size_t before = test::allocations();
  const std::string text(100, 'x');
  EXPECT_EQ(test::allocations(), before + 1) << text;
}

TEST(Allocation, LookupsAndDecisionsMakeNone) {
  test::SnapshotWire made;
  made.service("shop", "web", {.vips = {"10.96.0.1"}});
  made.service("shop", "db", {.headless = true});
  made.table("web", {test::answer(201, {{.uri = test::exact("/no"), .headers = {{"x-a", test::exact("b")}}}}),
                     test::answer(202, {{.uri = test::prefix("/api"),
                                         .method = test::regex("G.*"),
                                         .without_headers = {{"x-none", {}}},
                                         .query_params = {{"a", test::prefix("b")}},
                                         .ignore_uri_case = true}})});
  made.virtual_host({.domain = "*.shop.svc.cluster.local"});
  const auto snapshot = Snapshot::build(made.wire).value();
  const test::Policies policies({test::deny({{.when = {{.key = "request.headers[x-b]", .values = {"*"}}}}}),
                                 test::allow({{.from = {{.principals = {"*/sa/client"}, .ip_blocks = {"10.0.0.0/8"}}},
                                               .to = {{.hosts = {"web*"}, .paths = {"/api/{**}"}}}}})});
  test::Request request("/api/x?a=bcd");
  request.with({{"x-a", "a value that is longer than a string keeps within itself"}});
  const auto client = test::identity(1, "shop", "client");
  const policy::Facts facts{.source = &client,
                            .source_ip = *IpAddress::parse("10.0.0.1"),
                            .remote_ip = *IpAddress::parse("10.0.0.1"),
                            .destination_ip = *IpAddress::parse("10.0.0.2"),
                            .destination_port = 80,
                            .http = &request.head()};
  const auto work = [&] {
    const auto match = snapshot->find_host("WEB.shop:80", 80, "shop");
    const bool others =
        snapshot->find_host("web", 80, "shop").service != nullptr &&
        snapshot->find_host("10.96.0.1", 80, "shop").service != nullptr &&
        snapshot->find_host("a.very.long.name.that.is.nobody.example.com", 80, "shop").table == nullptr &&
        snapshot->find_host("db-0.db.shop.svc.cluster.local", 80, "shop").service != nullptr;
    return others && match.table != nullptr && match.table->find(request.head(), nullptr).route != nullptr &&
           policies.decide(facts).allowed;
  };
  ASSERT_TRUE(work()) << "RE2 fills its caches on the first use";
  const size_t before = test::allocations();
  const bool done = work();
  EXPECT_EQ(test::allocations(), before);
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace fairlead::config
