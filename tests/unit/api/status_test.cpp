// What other tools read out of `fairlead status -o json`: the members of docs/admin-socket.md, and their types.
#include "agent/api/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fairlead::api {
namespace {

using nlohmann::json;

class StatusReport : public testing::Test {
 protected:
  json report() {
    ConfigState config{.generation = 7,
                       .kernel_generation = 6,
                       .missing = {"the kernel"},
                       .messages = &messages_,
                       .snapshot = nullptr,
                       .overrides = &overrides_};
    return status_json(facts_, config, registry_, fleet_);
  }

  std::unique_ptr<agent::Loop> loop_ = std::move(*agent::Loop::create());
  workload::NetnsDoor door_{*workload::NetnsDoor::open()};
  workload::SocketMaker sockets_{door_, [](int, const fl_tag&) { return Status(); }};
  workload::Registry registry_{door_, sockets_};
  agent_broker::Fleet fleet_{*loop_, agent_broker::ProxySettings(), sockets_, registry_};
  AgentFacts facts_{.version = "0.1.0",
                    .node_name = "node-1",
                    .config_dir = "/config",
                    .run_dir = "/run/fairlead",
                    .pin_dir = "/pins",
                    .own_cgroup = "/cgroup/fairlead-x",
                    .hook_cgroup = "/cgroup",
                    .addresses = {{"metrics", ":15020"}},
                    .features = {{"sk_lookup", true, "no inbound"}},
                    .started = {}};
  std::vector<model::Message> messages_{{.code = "IST0106",
                                         .severity = model::Severity::kError,
                                         .object = "VirtualService/shop/web",
                                         .origin = {"a.yaml", 3},
                                         .field = "spec",
                                         .text = "is wrong"}};
  compile::ModeOverrides overrides_{{"ns/shop", config::Mode::kSidecar}};
};

TEST_F(StatusReport, TellsTheAgentAndWhatIsInForce) {
  const json got = report();
  EXPECT_EQ(got["version"], "0.1.0");
  EXPECT_EQ(got["node"], "node-1");
  EXPECT_EQ(got["generation"], 7);
  EXPECT_EQ(got["kernel_generation"], 6);
  EXPECT_EQ(got["in_force"], false);
  EXPECT_EQ(got["missing"], json::array({"the kernel"}));
  EXPECT_EQ(got["addresses"]["metrics"], ":15020");
  EXPECT_EQ(got["features"][0]["name"], "sk_lookup");
  EXPECT_EQ(got["mode_overrides"]["ns/shop"], "sidecar");
  EXPECT_TRUE(got["proxies"].is_array());
  EXPECT_GT(got["pid"].get<int>(), 0);
}

TEST_F(StatusReport, TellsEveryMessageWithItsPlace) {
  const json message = report()["messages"][0];
  EXPECT_EQ(message["code"], "IST0106");
  EXPECT_EQ(message["severity"], "error");
  EXPECT_EQ(message["object"], "VirtualService/shop/web");
  EXPECT_EQ(message["file"], "a.yaml");
  EXPECT_EQ(message["line"], 3);
}

TEST_F(StatusReport, APodWhoseNamespaceIsAbsentIsListedWithItsProblem) {
  const auto gone = registry_.reconcile({{.uid = "shop/web",
                                          .netns_path = "/absent",
                                          .ips = {},
                                          .mode = FL_MODE_NODE,
                                          .mode_reason = "",
                                          .netns_origin = {"pod.yaml", 9}}});
  EXPECT_TRUE(gone.empty());
  const json pod = report()["pods"][0];
  EXPECT_EQ(pod["pod"], "shop/web");
  EXPECT_EQ(pod["mode"], "off");
  EXPECT_THAT(pod["problem"].get<std::string>(), testing::HasSubstr("/absent"));
  EXPECT_THAT(registry_.refused()[0].message().line(), testing::StartsWith("pod.yaml:9: Pod/shop/web: "));
}

}  // namespace
}  // namespace fairlead::api
