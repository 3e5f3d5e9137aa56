#include "agent/flow/records.h"

#include "tests/unit/flow/flows.h"

#include <gtest/gtest.h>

namespace fairlead::flow {
namespace {

class RecordsTest : public testing::Test {
 protected:
  RecordsTest() { directory_.learn(two_pods().build()); }

  telemetry::RecordOwned only(const fl_flow& flow) {
    Records::Follower fresh;
    records_.add({flow}, directory_, names_);
    return records_.read(fresh).records.back();
  }

  Directory directory_;
  Records records_;
  Records::PolicyNames names_{{5, "shop/web"}};
};

TEST_F(RecordsTest, ARecordNamesBothEndsTheServiceAndThePolicy) {
  fl_flow flow = connection();
  flow.ended_ns = flow.opened_ns + 2000;
  flow.sent = 10;
  flow.received = 20;
  flow.policy = 5;
  const auto record = only(flow);
  EXPECT_EQ(record.path, telemetry::Path::kKernel);
  EXPECT_EQ(record.reason, Reason::KERNEL_PATH);
  EXPECT_EQ(record.duration_ns, 2000U);
  EXPECT_EQ(record.bytes_received, 10U) << "from the client";
  EXPECT_EQ(record.bytes_sent, 20U);
  EXPECT_EQ(record.client.text(), "10.0.0.1:40000");
  EXPECT_EQ(record.destination.text(), "10.96.0.1:9000");
  EXPECT_EQ(record.upstream.text(), "10.0.0.2:9000");
  EXPECT_EQ(record.source_workload, "shop/client");
  EXPECT_EQ(record.source_principal, "cluster.local/ns/shop/sa/client");
  EXPECT_EQ(record.destination_workload, "shop/server");
  EXPECT_EQ(record.cluster, "outbound|9000||db");
  EXPECT_EQ(record.policy, "shop/web");
}

TEST_F(RecordsTest, AConnectionThatWeEndSaysWhyOnce) {
  records_.expect_end(77, {.reason = Reason::PATH_CHANGED, .policy = "shop/paths"});
  EXPECT_EQ(only(connection()).reason, Reason::PATH_CHANGED);
  EXPECT_EQ(only(connection()).reason, Reason::KERNEL_PATH);
}

TEST_F(RecordsTest, AFollowerGetsEachRecordOnceAndHearsOfThoseThatItMissed) {
  Records::Follower follower;
  records_.add({connection(), connection()}, directory_, names_);
  EXPECT_EQ(records_.read(follower).records.size(), 2U);
  EXPECT_TRUE(records_.read(follower).records.empty());
  records_.add(std::vector<fl_flow>(5000, connection()), directory_, names_);
  const auto batch = records_.read(follower);
  EXPECT_EQ(batch.lost + batch.records.size(), 5000U);
  EXPECT_GT(batch.lost, 0U);
}

TEST_F(RecordsTest, ARefusalByNetworkPolicyNamesWhoIsolates) {
  SnapshotMaker maker = two_pods();
  wire::NetworkPolicy policy;
  policy.set_name("shop/closed");
  *maker.wire().add_network_policies() = policy;
  maker.wire().mutable_workloads(1)->add_ingress_policies(0);
  directory_.learn(maker.build());
  fl_flow flow = connection();
  flow.reason = FL_REASON_NETWORK_DENIED;
  flow.reporters = 0;
  EXPECT_EQ(only(flow).policy, "shop/closed");
}

}  // namespace
}  // namespace fairlead::flow
