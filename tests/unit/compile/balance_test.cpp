// How clusters are balanced: DestinationRules and session affinity.
#include "tests/unit/compile/builders.h"

#include <gtest/gtest.h>

namespace fairlead::compile {
namespace {

using model::LoadBalancer;

constexpr std::string_view kWeb = "web.shop.svc.cluster.local";

class BalanceTest : public testing::Test {
 protected:
  BalanceTest() {
    world_.add(pod("shop", "web-a", "10.0.0.1", {{"app", "web"}, {"version", "v1"}}));
    world_.add(web_);
  }
  void add_rule(std::optional<LoadBalancer> rule, std::optional<LoadBalancer> subset = std::nullopt,
                const std::string& ns = "shop") {
    model::DestinationRule out = destination_rule(ns, "web", std::string(kWeb), {{"v1", "v1"}});
    out.load_balancer = rule;
    out.subsets[0].load_balancer = subset;
    world_.add(out);
  }
  // The cluster of the service's port.
  [[nodiscard]] wire::Cluster cluster() const {
    const Compiled compiled = world_.compile();
    const wire::Service& service = *find_service(compiled.snapshot, kWeb);
    return compiled.snapshot.clusters(static_cast<int>(service.ports(0).cluster()));
  }
  // The cluster of subset v1, which a route leads to.
  wire::Cluster subset() {
    world_.add(virtual_service("shop", "web", {"web"}, {rule({{to("web", "v1"), 1}})}));
    const Compiled compiled = world_.compile();
    for (const wire::Cluster& candidate : compiled.snapshot.clusters()) {
      if (candidate.name() == "outbound|80|v1|" + std::string(kWeb)) {
        return candidate;
      }
    }
    ADD_FAILURE() << "no such cluster";
    return {};
  }

  World world_;
  model::Service web_ = service("shop", "web", "10.96.0.1", {service_port("http", 80, uint16_t{8080})});
};

TEST_F(BalanceTest, WithoutARuleNothingIsSaid) {
  EXPECT_EQ(cluster().balance(), wire::UNSPECIFIED);
  EXPECT_EQ(cluster().affinity_timeout_s(), 0U);
}

TEST_F(BalanceTest, TheRulesWayIsTheClusters) {
  for (const auto& [mode, expected] :
       {std::pair(LoadBalancer::kRoundRobin, wire::ROUND_ROBIN),
        std::pair(LoadBalancer::kLeastRequest, wire::LEAST_REQUEST), std::pair(LoadBalancer::kRandom, wire::RANDOM),
        std::pair(LoadBalancer::kSourceIp, wire::SOURCE), std::pair(LoadBalancer::kUnspecified, wire::UNSPECIFIED)}) {
    add_rule(mode);
    EXPECT_EQ(cluster().balance(), expected);
    EXPECT_FALSE(cluster().original_destination());
  }
}

TEST_F(BalanceTest, PassthroughGoesWhereItWasDialled) {
  add_rule(LoadBalancer::kPassthrough);
  EXPECT_TRUE(cluster().original_destination());
  EXPECT_EQ(cluster().balance(), wire::RANDOM) << "a service's address leads where kube-proxy would";
}

TEST_F(BalanceTest, ASubsetHasItsOwnWayOrTheRules) {
  add_rule(LoadBalancer::kRoundRobin, LoadBalancer::kRandom);
  EXPECT_EQ(subset().balance(), wire::RANDOM);
  EXPECT_EQ(cluster().balance(), wire::ROUND_ROBIN);
  add_rule(LoadBalancer::kRoundRobin);
  EXPECT_EQ(subset().balance(), wire::ROUND_ROBIN);
}

TEST_F(BalanceTest, AffinityIsThatOfTheServiceForAllItsClusters) {
  web_.affinity = std::chrono::seconds(90);
  world_.add(web_);
  add_rule(LoadBalancer::kRoundRobin);
  EXPECT_EQ(cluster().affinity_timeout_s(), 90U);
  EXPECT_EQ(subset().affinity_timeout_s(), 90U);
}

TEST_F(BalanceTest, AClientOfAHeadlessServiceHasChosenByItself) {
  model::Service headless = service("shop", "web", "", {service_port("http", 80, uint16_t{8080})});
  headless.affinity = std::chrono::seconds(90);
  world_.add(headless);
  EXPECT_EQ(cluster().affinity_timeout_s(), 0U);
}

TEST_F(BalanceTest, ExternalAddressesAreToldFromClusterAddresses) {
  web_.external_ips = {ip("192.0.2.1"), ip("192.0.2.2")};
  world_.add(web_);
  const Compiled compiled = world_.compile();
  const wire::Service& compiled_service = *find_service(compiled.snapshot, kWeb);
  EXPECT_EQ(compiled_service.vips_size(), 3);
  EXPECT_EQ(compiled_service.external_vips(), 2U);
}

}  // namespace
}  // namespace fairlead::compile
