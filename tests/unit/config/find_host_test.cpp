// Which service and which rules a Host names: the Host decides, not the address that was dialled.
#include "tests/unit/config/snapshot_wire.h"
#include "userspace-proxy/config/snapshot.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::config {
namespace {

using test::SnapshotWire;

// "SERVICE TABLE" of what is found, "-" for what is not.
std::string found(const Snapshot& snapshot, std::string_view host, uint16_t port = 80, std::string_view ns = "shop") {
  const auto match = snapshot.find_host(host, port, ns);
  EXPECT_EQ(match.service == nullptr, match.port == nullptr);
  EXPECT_TRUE(match.port == nullptr || match.port->port == port);
  return (match.service == nullptr ? "-" : match.service->host) + " " +
         (match.table == nullptr ? "-" : match.table->name);
}

std::shared_ptr<const Snapshot> build(const SnapshotWire& wire) { return Snapshot::build(wire.wire).value(); }

class FindHost : public testing::Test {
 protected:
  FindHost() {
    wire_.service("shop", "cart", {.ports = {80, 9080}, .vips = {"10.96.0.1", "fd00::1"}});
    wire_.service("prod", "cart", {.vips = {"10.96.0.2"}});
    wire_.service("shop", "db", {.ports = {8080}, .headless = true});
    wire_.entry("api.example.com", "shop", {.ports = {80}});
    wire_.entry("legacy.example", "shop", {.ports = {80}});
  }

  SnapshotWire wire_;
};

constexpr const char* kCart = "cart.shop.svc.cluster.local -";
constexpr const char* kProdCart = "cart.prod.svc.cluster.local -";
constexpr const char* kUnknown = "- -";

TEST_F(FindHost, AServiceHasItsLongNamesEverywhereAndItsShortNameInItsNamespace) {
  const auto snapshot = build(wire_);
  for (const char* ns : {"shop", "prod", ""}) {
    EXPECT_EQ(found(*snapshot, "cart.shop.svc.cluster.local", 80, ns), kCart);
    EXPECT_EQ(found(*snapshot, "cart.shop.svc", 80, ns), kCart);
    EXPECT_EQ(found(*snapshot, "cart.shop", 80, ns), kCart);
  }
  EXPECT_EQ(found(*snapshot, "cart", 80, "shop"), kCart);
  EXPECT_EQ(found(*snapshot, "cart", 80, "prod"), kProdCart);
  EXPECT_EQ(found(*snapshot, "cart", 80, "other"), kUnknown);
  EXPECT_EQ(found(*snapshot, "cart", 80, ""), kUnknown);
}

TEST_F(FindHost, CasePortAndTheRootsDotDoNotMatter) {
  const auto snapshot = build(wire_);
  for (const char* host : {"CART.Shop", "cart.shop:80", "cart.shop:9080", "Cart:80", "cart.shop.svc.cluster.local.",
                           "cart.shop.svc.cluster.local.:80", "cart.shop:"}) {
    EXPECT_EQ(found(*snapshot, host), kCart) << host;
  }
}

TEST_F(FindHost, NamesOfNothingAreUnknown) {
  const auto snapshot = build(wire_);
  for (const char* host : {"", ":80", ".", "carts", "carts.shop", "cart.shops", "cart.shop.sv", "cart.shop.svc.cluster",
                           "cart.shop.svc.cluster.local.example", "x.cart.shop", "svc", ".svc", "cart.svc", "..",
                           "[::1", "www.example.com", "example.com", "cart.shop.cluster.local"}) {
    EXPECT_EQ(found(*snapshot, host), kUnknown) << host;
  }
}

TEST_F(FindHost, AHostLongerThanANameCanBeIsUnknown) {
  wire_.table("all");
  wire_.virtual_host({.domain = "*.example.com"});
  const auto snapshot = build(wire_);
  const std::string suffix = ".example.com";
  EXPECT_EQ(found(*snapshot, std::string(253 - suffix.size(), 'a') + suffix), "- all");
  EXPECT_EQ(found(*snapshot, std::string(254 - suffix.size(), 'a') + suffix), kUnknown);
  EXPECT_EQ(found(*snapshot, std::string(100'000, 'a')), kUnknown);
  EXPECT_EQ(found(*snapshot, std::string(253, 'a'), 80, std::string(63, 'n')), kUnknown);
  EXPECT_EQ(found(*snapshot, "cart", 80, std::string(64, 'n')), kUnknown);
}

TEST_F(FindHost, AClusterAddressMeansItsService) {
  const auto snapshot = build(wire_);
  EXPECT_EQ(found(*snapshot, "10.96.0.1"), kCart);
  EXPECT_EQ(found(*snapshot, "10.96.0.1:80"), kCart);
  EXPECT_EQ(found(*snapshot, "[fd00::1]:80"), kCart);
  EXPECT_EQ(found(*snapshot, "[FD00:0::1]"), kCart);
  EXPECT_EQ(found(*snapshot, "10.96.0.3"), kUnknown);
}

TEST_F(FindHost, AServiceThatLacksTheDialledPortIsUnknownAndSoAreItsRules) {
  wire_.table("cart");
  wire_.virtual_host({.domain = "cart.shop.svc.cluster.local"});
  const auto snapshot = build(wire_);
  EXPECT_EQ(found(*snapshot, "cart", 9080), "cart.shop.svc.cluster.local cart");
  EXPECT_EQ(found(*snapshot, "cart", 81), kUnknown);
  EXPECT_EQ(found(*snapshot, "10.96.0.1", 81), kUnknown);
}

TEST_F(FindHost, NamesUnderAHeadlessServiceMeanIt) {
  const auto snapshot = build(wire_);
  for (const char* host : {"db", "db-0.db.shop.svc.cluster.local", "db-0.db.shop.svc", "db-0.db.shop", "db-0.db"}) {
    EXPECT_EQ(found(*snapshot, host, 8080), "db.shop.svc.cluster.local -") << host;
  }
  EXPECT_EQ(found(*snapshot, "db-0.db", 8080, "prod"), kUnknown);
  EXPECT_EQ(found(*snapshot, "a.db-0.db.shop.svc.cluster.local", 8080), kUnknown);
  EXPECT_EQ(found(*snapshot, "cart-0.cart.shop.svc.cluster.local"), kUnknown) << "not headless";
}

TEST_F(FindHost, HostsOfServiceEntriesAreFoundByTheirWholeName) {
  const auto snapshot = build(wire_);
  EXPECT_EQ(found(*snapshot, "API.example.com:80"), "api.example.com -");
  EXPECT_EQ(found(*snapshot, "legacy.example", 80, "prod"), "legacy.example -")
      << "one dot, but no service of a namespace";
  EXPECT_EQ(found(*snapshot, "api"), kUnknown);
  EXPECT_EQ(found(*snapshot, "api.example"), kUnknown);
}

TEST_F(FindHost, RulesCoverEveryNameOfAService) {
  wire_.table("cart");
  wire_.virtual_host({.domain = "cart.shop.svc.cluster.local"});
  const auto snapshot = build(wire_);
  for (const char* host : {"cart", "cart.shop", "CART.shop.svc:80", "10.96.0.1", "cart.shop.svc.cluster.local"}) {
    EXPECT_EQ(found(*snapshot, host), "cart.shop.svc.cluster.local cart") << host;
  }
  EXPECT_EQ(found(*snapshot, "cart.prod"), kProdCart);
}

TEST_F(FindHost, RulesMayBeForAHostThatIsNoService) {
  wire_.table("outside");
  wire_.virtual_host({.domain = "www.example.com"});
  wire_.virtual_host({.domain = "192.0.2.7"});
  const auto snapshot = build(wire_);
  EXPECT_EQ(found(*snapshot, "WWW.example.com:80"), "- outside");
  EXPECT_EQ(found(*snapshot, "www.example.com", 4711), "- outside");
  EXPECT_EQ(found(*snapshot, "192.0.2.7"), "- outside");
}

TEST_F(FindHost, AnExactDomainBeatsTheLongestWildcardWhichBeatsAShorterOne) {
  for (const char* domain : {"*", "*.com", "*.example.com", "*.b.example.com", "a.b.example.com"}) {
    wire_.virtual_host({.domain = domain, .table = wire_.table(domain)});
  }
  const auto snapshot = build(wire_);
  EXPECT_EQ(found(*snapshot, "a.b.example.com"), "- a.b.example.com");
  EXPECT_EQ(found(*snapshot, "x.b.example.com"), "- *.b.example.com");
  EXPECT_EQ(found(*snapshot, "x.y.b.example.com"), "- *.b.example.com");
  EXPECT_EQ(found(*snapshot, "b.example.com"), "- *.example.com") << "a wildcard does not cover what it hangs from";
  EXPECT_EQ(found(*snapshot, ".b.example.com"), "- *.example.com") << "the asterisk stands for one character at least";
  EXPECT_EQ(found(*snapshot, "example.com"), "- *.com");
  EXPECT_EQ(found(*snapshot, "example.org"), "- *");
}

TEST_F(FindHost, AWildcardCoversTheServicesUnderItByTheirFullName) {
  wire_.virtual_host({.domain = "*.shop.svc.cluster.local", .table = wire_.table("all-of-shop")});
  const auto snapshot = build(wire_);
  EXPECT_EQ(found(*snapshot, "cart"), "cart.shop.svc.cluster.local all-of-shop");
  EXPECT_EQ(found(*snapshot, "cart.prod"), kProdCart);
  EXPECT_EQ(found(*snapshot, "none.shop"), kUnknown) << "the name as sent is what is compared for no service";
}

TEST_F(FindHost, OfEqualDomainsTheClientsNamespaceGoesFirstThenThePort) {
  const std::string domain = "cart.shop.svc.cluster.local";
  for (const auto& [name, port, ns] :
       {std::tuple("all", 0u, ""), std::tuple("port", 9080u, ""), std::tuple("prod", 0u, "prod"),
        std::tuple("prod and port", 9080u, "prod"), std::tuple("second for all", 0u, "")}) {
    wire_.virtual_host({.domain = domain, .table = wire_.table(name), .port = port, .client_namespace = ns});
  }
  const auto snapshot = build(wire_);
  EXPECT_EQ(found(*snapshot, domain, 80, "shop"), domain + " all");
  EXPECT_EQ(found(*snapshot, domain, 9080, "shop"), domain + " port");
  EXPECT_EQ(found(*snapshot, domain, 80, "prod"), domain + " prod");
  EXPECT_EQ(found(*snapshot, domain, 9080, "prod"), domain + " prod and port");
}

TEST_F(FindHost, ADomainThatFitsNeitherPortNorClientLeavesItToTheNext) {
  const std::string domain = "cart.shop.svc.cluster.local";
  wire_.virtual_host({.domain = domain, .table = wire_.table("exact"), .port = 9080, .client_namespace = "prod"});
  wire_.virtual_host({.domain = "*.svc.cluster.local", .table = wire_.table("wild")});
  const auto snapshot = build(wire_);
  EXPECT_EQ(found(*snapshot, domain, 9080, "prod"), domain + " exact");
  EXPECT_EQ(found(*snapshot, domain, 80, "prod"), domain + " wild");
  EXPECT_EQ(found(*snapshot, domain, 9080, "shop"), domain + " wild");
}

TEST(FindHostElsewhere, TheClustersDomainComesFromTheServicesAndCaseDoesNotMatterThere) {
  SnapshotWire wire;
  wire.wire.add_clusters();
  auto* service = wire.wire.add_services();
  service->set_host("cart.shop.svc.K8s.internal");
  service->set_namespace_("shop");
  service->set_name("cart");
  service->add_ports()->set_port(80);
  const auto snapshot = build(wire);
  for (const char* host : {"cart", "cart.shop", "cart.shop.svc", "cart.shop.svc.k8s.internal"}) {
    EXPECT_EQ(found(*snapshot, host), "cart.shop.svc.k8s.internal -") << host;
  }
  EXPECT_EQ(found(*snapshot, "cart.shop.svc.cluster.local"), kUnknown);
}

}  // namespace
}  // namespace fairlead::config
