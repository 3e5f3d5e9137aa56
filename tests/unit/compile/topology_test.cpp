// Which endpoints the pods of this node get: traffic policies, hints, zones.
#include "tests/unit/compile/builders.h"

#include <gtest/gtest.h>

namespace fairlead::compile {
namespace {

using model::TrafficDistribution;

constexpr std::string_view kWeb = "web.shop.svc.cluster.local";

// This node is node-1, in zone a with node-2; node-3 is in zone b.
class TopologyTest : public testing::Test {
 protected:
  TopologyTest() {
    world_.inputs.node_name = "node-1";
    add_node("node-1", "a");
    add_node("node-2", "a");
    add_node("node-3", "b");
  }
  void add_node(const std::string& name, const std::string& zone) {
    world_.add(model::Node{meta("", name, {{"topology.kubernetes.io/zone", zone}})});
  }
  void add_pod(int n, const std::string& node) {
    model::Pod out = pod("shop", "web-" + std::to_string(n), "10.0.0." + std::to_string(n),
                         {{"app", "web"}, {"version", "v" + std::to_string(n)}});
    out.node_name = node;
    world_.add(out);
  }
  // One on each node.
  void add_pods() {
    for (int n = 1; n <= 3; ++n) {
      add_pod(n, "node-" + std::to_string(n));
    }
  }
  void remove_pod(int n) { world_.objects.objects.erase({"Pod", "shop", "web-" + std::to_string(n)}); }
  [[nodiscard]] std::string reached() {
    world_.add(web_);
    return port_endpoints(world_.compile().snapshot, kWeb, 80);
  }
  struct Hinted {
    int n;
    std::string node, zone;
    std::vector<std::string> zones, nodes;
  };
  void add_slice(const std::vector<Hinted>& hinted) {
    model::EndpointSlice slice;
    slice.meta = meta("shop", "web-1");
    slice.service = "web";
    slice.ports = {{.name = "http", .port = 80, .protocol = "TCP", .app_protocol = ""}};
    for (const Hinted& one : hinted) {
      model::EndpointAddress& out = slice.endpoints.emplace_back();
      out.addresses = {ip("10.0.0." + std::to_string(one.n))};
      out.node_name = one.node;
      out.zone = one.zone;
      out.zone_hints = one.zones;
      out.node_hints = one.nodes;
    }
    world_.add(slice);
  }

  World world_;
  model::Service web_ = service("shop", "web", "10.96.0.1", {service_port("http", 80, uint16_t{80})});
};

constexpr std::string_view kAll = "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80";

TEST_F(TopologyTest, WithoutAPolicyAllEndpointsCount) {
  add_pods();
  EXPECT_EQ(reached(), kAll);
}

TEST_F(TopologyTest, LocalMeansThisNodeOrNothing) {
  add_pods();
  web_.node_local = true;
  EXPECT_EQ(reached(), "10.0.0.1:80");
  remove_pod(1);
  EXPECT_EQ(reached(), "");
}

TEST_F(TopologyTest, APodThatNamesNoNodeIsThisNodes) {
  add_pods();
  add_pod(4, "");
  web_.node_local = true;
  EXPECT_EQ(reached(), "10.0.0.1:80 10.0.0.4:80");
}

TEST_F(TopologyTest, TheSameZoneIsPreferredAndAnyIsBetterThanNone) {
  add_pods();
  web_.distribution = TrafficDistribution::kPreferSameZone;
  EXPECT_EQ(reached(), "10.0.0.1:80 10.0.0.2:80");
  remove_pod(1);
  EXPECT_EQ(reached(), "10.0.0.2:80");
  remove_pod(2);
  EXPECT_EQ(reached(), "10.0.0.3:80");
}

TEST_F(TopologyTest, TheSameNodeIsPreferredThenTheZone) {
  add_pods();
  web_.distribution = TrafficDistribution::kPreferSameNode;
  EXPECT_EQ(reached(), "10.0.0.1:80");
  remove_pod(1);
  EXPECT_EQ(reached(), "10.0.0.2:80");
  remove_pod(2);
  EXPECT_EQ(reached(), "10.0.0.3:80");
}

TEST_F(TopologyTest, AnEndpointInAnUnknownZoneMakesZonesSayNothing) {
  add_pods();
  add_pod(4, "node-9");
  web_.distribution = TrafficDistribution::kPreferSameZone;
  EXPECT_EQ(reached(), std::string(kAll) + " 10.0.0.4:80");
}

TEST_F(TopologyTest, ZonesAreLearntFromPodsWhereThereAreNoNodes) {
  for (const char* name : {"node-1", "node-2", "node-3"}) {
    world_.objects.objects.erase({"Node", "", name});
  }
  for (int n = 1; n <= 3; ++n) {
    model::Pod out = pod("shop", "web-" + std::to_string(n), "10.0.0." + std::to_string(n),
                         {{"app", "web"}, {"topology.kubernetes.io/zone", n == 3 ? "b" : "a"}});
    out.node_name = "node-" + std::to_string(n);
    world_.add(out);
  }
  web_.distribution = TrafficDistribution::kPreferSameZone;
  EXPECT_EQ(reached(), "10.0.0.1:80 10.0.0.2:80");
}

TEST_F(TopologyTest, HintsOfASliceAreHeededWhateverTheServiceSays) {
  add_slice({{1, "node-1", "a", {"b"}, {}}, {2, "node-2", "a", {"a"}, {}}, {3, "node-3", "b", {"b", "a"}, {}}});
  EXPECT_EQ(reached(), "10.0.0.2:80 10.0.0.3:80");
  web_.distribution = TrafficDistribution::kPreferSameNode;
  EXPECT_EQ(reached(), "10.0.0.2:80 10.0.0.3:80") << "they are the controller's answer to that";
}

TEST_F(TopologyTest, NodeHintsGoBeforeZoneHints) {
  add_slice({{1, "node-1", "a", {"a"}, {"node-1"}}, {2, "node-2", "a", {"a"}, {"node-2"}}});
  EXPECT_EQ(reached(), "10.0.0.1:80");
}

TEST_F(TopologyTest, HintsThatSomeEndpointsLackSayNothing) {
  add_slice({{1, "node-1", "a", {"a"}, {}}, {2, "node-2", "a", {}, {}}, {3, "node-3", "b", {"b"}, {}}});
  EXPECT_EQ(reached(), kAll);
}

TEST_F(TopologyTest, HintsForOthersOnlySayNothing) {
  add_slice({{1, "node-1", "a", {"c"}, {}}, {2, "node-2", "a", {"c"}, {}}});
  EXPECT_EQ(reached(), "10.0.0.1:80 10.0.0.2:80");
}

TEST_F(TopologyTest, LocalGoesBeforeHints) {
  add_slice({{1, "node-1", "a", {"b"}, {}}, {2, "node-2", "a", {"a"}, {}}});
  web_.node_local = true;
  EXPECT_EQ(reached(), "10.0.0.1:80");
}

TEST_F(TopologyTest, ASliceThatNamesNoNodeIsOfTheNodeOfItsPod) {
  add_pods();
  add_slice({{1, "", "", {}, {}}, {2, "", "", {}, {}}, {9, "", "", {}, {}}});
  web_.node_local = true;
  EXPECT_EQ(reached(), "10.0.0.1:80");
}

TEST_F(TopologyTest, NearEndpointsArePreferredAmongThoseOfASubset) {
  add_pods();
  web_.distribution = TrafficDistribution::kPreferSameNode;
  world_.add(web_);
  world_.add(destination_rule("shop", "web", "web", {{"far", "v3"}}));
  world_.add(virtual_service("shop", "web", {"web"}, {rule({{to("web", "far"), 1}})}));
  const Compiled compiled = world_.compile();
  for (int i = 0; i < compiled.snapshot.clusters_size(); ++i) {
    if (compiled.snapshot.clusters(i).name().find("|far|") != std::string::npos) {
      EXPECT_EQ(endpoints(compiled.snapshot, static_cast<uint32_t>(i + 1)), "10.0.0.3:80");
      return;
    }
  }
  FAIL() << "no cluster for the subset";
}

TEST_F(TopologyTest, AHeadlessServiceHasAllItsPods) {
  add_pods();
  web_ = service("shop", "web", "", {service_port("http", 80, uint16_t{80})});
  web_.node_local = true;
  EXPECT_EQ(reached(), kAll);
}

}  // namespace
}  // namespace fairlead::compile
