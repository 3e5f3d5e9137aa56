#include "agent/workload/wanted.h"

#include <gtest/gtest.h>

namespace fairlead::workload {
namespace {

model::Pod pod(const std::string& name) {
  model::Pod made;
  made.meta.ns = "shop";
  made.meta.name = name;
  made.netns_path = "/run/netns/" + name;
  made.node_name = "node-1";
  return made;
}

model::ObjectSet set_of(const std::vector<model::Object>& objects) {
  model::ObjectSet set;
  for (const model::Object& object : objects) {
    set.objects.emplace(model::key_of(object), object);
  }
  return set;
}

const NodeView kNode{.node_name = "node-1",
                     .default_mode = config::Mode::kNode,
                     .overrides = {},
                     .acceleration = compile::Acceleration::kFalse};

TEST(WantedPods, APodOfThisNodeIsWantedWithItsModeAndWhy) {
  model::Pod client = pod("client");
  client.meta.annotations["fairlead.dev/mode"] = "sidecar";
  client.ips = {*IpAddress::parse("10.0.0.7")};
  const auto wanted = wanted_pods(set_of({client}), kNode);
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_EQ(wanted[0].uid, "shop/client");
  EXPECT_EQ(wanted[0].netns_path, "/run/netns/client");
  EXPECT_EQ(wanted[0].mode, FL_MODE_SIDECAR);
  EXPECT_NE(wanted[0].mode_reason.find("fairlead.dev/mode"), std::string::npos);
  EXPECT_EQ(wanted[0].ips, client.ips);
}

TEST(WantedPods, PodsOfOtherNodesWithoutNamespaceOrOnTheHostsNetworkAreNot) {
  model::Pod remote = pod("remote"), bare = pod("bare"), host = pod("host");
  remote.node_name = "node-2";
  bare.netns_path.clear();
  host.host_network = true;
  EXPECT_TRUE(wanted_pods(set_of({remote, bare, host}), kNode).empty());
}

TEST(WantedPods, APodThatNobodyHasPlacedIsOurs) {
  model::Pod unplaced = pod("unplaced");
  unplaced.node_name.clear();
  EXPECT_EQ(wanted_pods(set_of({unplaced}), kNode).size(), 1U);
}

TEST(WantedPods, APodThatIsEndingIsGovernedUntilItsNamespaceGoes) {
  model::Pod ending = pod("ending");
  ending.terminating = true;
  EXPECT_EQ(wanted_pods(set_of({ending}), kNode).size(), 1U);
}

TEST(WantedPods, TheNamespacesModeCounts) {
  model::Namespace shop;
  shop.meta.name = "shop";
  shop.meta.labels["fairlead.dev/mode"] = "off";
  const auto wanted = wanted_pods(set_of({shop, pod("client")}), kNode);
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_EQ(wanted[0].mode, FL_MODE_OFF);
}

TEST(WantedPods, ThePodsWishToBeAcceleratedCountsAndWhy) {
  model::Pod client = pod("client");
  client.meta.annotations["fairlead.dev/accelerate"] = "true";
  const auto wanted = wanted_pods(set_of({client}), kNode);
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_EQ(wanted[0].acceleration.wish, compile::Acceleration::kTrue);
  EXPECT_EQ(wanted[0].acceleration.reason, "annotation fairlead.dev/accelerate on the pod");
}

}  // namespace
}  // namespace fairlead::workload
