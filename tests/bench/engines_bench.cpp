// What the engines cost: a host lookup, a route lookup and a policy decision (once or more per request each, on the way
// to every answer), and building a large snapshot (once per change of the configuration). Run: engines_bench
// [--benchmark_filter=REGEX]
#include "tests/unit/config/request.h"
#include "tests/unit/config/snapshot_wire.h"
#include "tests/unit/policy/policy_wire.h"
#include "tests/unit/route/route_wire.h"
#include "userspace-proxy/config/snapshot.h"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

namespace fairlead {
namespace {

test::SnapshotWire services(int count, int endpoints_each) {
  test::SnapshotWire made;
  made.table("web", {test::answer(200)});
  for (int i = 0; i < count; ++i) {
    const std::string name = "service-" + std::to_string(i);
    made.service("shop", name, {.vips = {"fd00::" + std::to_string(i)}});
    made.virtual_host({.domain = name + ".shop.svc.cluster.local"});
    for (int e = 0; e < endpoints_each; ++e) {
      made.endpoint(i, "fd00:1::" + std::to_string(e) + ":" + std::to_string(i), 8080);
    }
  }
  made.virtual_host({.domain = "*.example.com"});
  return made;
}

// A browser's request: what header conditions are searched in.
void add_usual_fields(test::Request& request) {
  request.with({{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
                {"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
                {"Accept-Language", "en-US,en;q=0.5"},
                {"Accept-Encoding", "gzip, deflate"},
                {"X-Request-Id", "5f9e4b3c-8f5e-4f0e-9d53-3e7b8c1d2a10"},
                {"X-Forwarded-Proto", "http"},
                {"Cookie", "session=0123456789abcdef"},
                {"canary", "false"}});
}

void find_host(benchmark::State& state, const char* host) {
  const auto snapshot = config::Snapshot::build(services(10'000, 0).wire).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(snapshot->find_host(host, 80, "shop"));
  }
}
BENCHMARK_CAPTURE(find_host, short_name, "service-4711");
BENCHMARK_CAPTURE(find_host, full_name, "service-4711.shop.svc.cluster.local:80");
BENCHMARK_CAPTURE(find_host, cluster_address, "[fd00::4711]:80");
BENCHMARK_CAPTURE(find_host, wildcard, "a.b.example.com");
BENCHMARK_CAPTURE(find_host, unknown, "www.example.org");

// Ten routes, the last of which matches: nine by prefix or header before it.
void find_route(benchmark::State& state) {
  std::vector<config::wire::Route> routes;
  for (int i = 0; i < 9; ++i) {
    const std::string path = "/service/" + std::to_string(i);
    routes.push_back(i % 3 == 0 ? test::answer(200, {{.headers = {{"canary", test::exact("true")}}}})
                                : test::answer(200, {{.uri = test::prefix(path)}}));
  }
  routes.push_back(test::answer(200));
  const auto table = route::RouteTable::build(test::table_wire(routes), {}).value();
  test::Request request("/products/42?x=y");
  add_usual_fields(request);
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->find(request.head(), nullptr));
  }
}
BENCHMARK(find_route);

void find_route_by_regex(benchmark::State& state) {
  const auto table = route::RouteTable::build(
                         test::table_wire({test::answer(200, {{.uri = test::regex("/products/[0-9]+(/.*)?")}})}), {})
                         .value();
  const test::Request request("/products/42/reviews/of/last/year");
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->find(request.head(), nullptr));
  }
}
BENCHMARK(find_route_by_regex);

// Five policies, none of the four DENY ones fits, the second rule of the ALLOW one does.
void decide(benchmark::State& state) {
  const test::Policies policies(
      {test::deny({{.from = {{.namespaces = {"legacy"}}}}}),
       test::deny({{.to = {{.paths = {"/admin*", "*/internal"}}}}}),
       test::deny({{.from = {{.not_ip_blocks = {"10.0.0.0/8"}}}}}),
       test::deny({{.when = {{.key = "request.headers[x-blocked]", .values = {"*"}}}}}),
       test::allow({{.from = {{.principals = {"cluster.local/ns/shop/sa/batch"}}}},
                    {.from = {{.principals = {"cluster.local/ns/shop/sa/client"}}},
                     .to = {{.methods = {"GET", "HEAD"}, .paths = {"/products/*", "/users/{*}/photos"}}}}})});
  const auto client = test::identity(1, "shop", "client");
  test::Request request("/products/42?x=y");
  add_usual_fields(request);
  const policy::Facts facts{.source = &client,
                            .source_ip = *IpAddress::parse("10.0.0.1"),
                            .remote_ip = *IpAddress::parse("10.0.0.1"),
                            .destination_ip = *IpAddress::parse("10.0.0.2"),
                            .destination_port = 8080,
                            .http = &request.head()};
  if (!policies.decide(facts).allowed) {
    state.SkipWithError("the request is to be allowed");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(policies.decide(facts));
  }
}
BENCHMARK(decide);

// Services with ten endpoints each; the wire form is there already.
void build_snapshot(benchmark::State& state) {
  const auto made = services(static_cast<int>(state.range(0)), 10);
  for (auto _ : state) {
    benchmark::DoNotOptimize(config::Snapshot::build(made.wire).value());
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(build_snapshot)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond)->Complexity(benchmark::oN);

void parse_snapshot(benchmark::State& state) {
  const std::string bytes = services(static_cast<int>(state.range(0)), 10).wire.SerializeAsString();
  for (auto _ : state) {
    benchmark::DoNotOptimize(config::Snapshot::parse(std::as_bytes(std::span(bytes))).value());
  }
}
BENCHMARK(parse_snapshot)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
