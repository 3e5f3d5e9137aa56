#include "agent/flow/traffic.h"

#include "tests/unit/flow/flows.h"

#include <gmock/gmock.h>

#include <sstream>

namespace fairlead::flow {
namespace {

using testing::HasSubstr;

std::pair<fl_traffic_key, fl_traffic> ended(const fl_flow& flow, const fl_traffic& sums) {
  fl_traffic_key key{};
  fl_traffic_key_of(&flow, &key);
  return {key, sums};
}

class TrafficTest : public testing::Test {
 protected:
  TrafficTest() { directory_.learn(two_pods().build()); }

  // The values of one metric, by reporter: "source 3, destination 3".
  std::string read(const std::string& metric) {
    telemetry::SeriesSum sum;
    traffic_.add_to(sum);
    std::string out;
    std::istringstream lines(sum.text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(metric + "{")) {
        const auto reporter = line.find("reporter=\"") + 10;
        out += (out.empty() ? "" : ", ") + line.substr(reporter, line.find('"', reporter) - reporter) +
               line.substr(line.rfind(' '));
      }
    }
    return out;
  }

  Directory directory_;
  Traffic traffic_;
};

TEST_F(TrafficTest, SumsOfEndedAndBytesOfOpenConnectionsAddUp) {
  fl_flow open = connection();
  open.sent = 5;
  open.received = 7;
  traffic_.update({ended(connection(), {.closed = 3, .sent = 100, .received = 1000})}, {open, open}, directory_);
  EXPECT_EQ(read("istio_tcp_connections_opened_total"), "destination 5, source 5");
  EXPECT_EQ(read("istio_tcp_connections_closed_total"), "destination 3, source 3");
  EXPECT_EQ(read("istio_tcp_received_bytes_total"), "destination 110, source 110");
  EXPECT_EQ(read("istio_tcp_sent_bytes_total"), "destination 1014, source 1014");
}

TEST_F(TrafficTest, OnlyThoseReportWhoServeAnEnd) {
  fl_flow flow = connection();
  flow.reporters = FL_REPORT_SOURCE;
  traffic_.update({ended(flow, {.closed = 1, .sent = 0, .received = 0})}, {}, directory_);
  EXPECT_EQ(read("istio_tcp_connections_opened_total"), "source 1");
}

TEST_F(TrafficTest, AConnectionThatIsNotEstablishedIsNone) {
  fl_flow open = connection();
  open.established = 0;
  traffic_.update({}, {open}, directory_);
  EXPECT_EQ(read("istio_tcp_connections_opened_total"), "");
}

TEST_F(TrafficTest, AConnectionThatIsInNeitherListForAMomentTakesNothingBack) {
  fl_flow open = connection();
  open.sent = 50;
  traffic_.update({}, {open}, directory_);
  traffic_.update({}, {}, directory_);
  EXPECT_EQ(read("istio_tcp_connections_opened_total"), "destination 1, source 1");
  EXPECT_EQ(read("istio_tcp_received_bytes_total"), "destination 50, source 50");
  traffic_.update({ended(connection(), {.closed = 1, .sent = 60, .received = 0})}, {}, directory_);
  EXPECT_EQ(read("istio_tcp_connections_opened_total"), "destination 1, source 1");
  EXPECT_EQ(read("istio_tcp_received_bytes_total"), "destination 60, source 60");
}

TEST_F(TrafficTest, WhoIsGoneKeepsItsNameAndItsSums) {
  const auto sums = ended(connection(), {.closed = 2, .sent = 9, .received = 0});
  traffic_.update({sums}, {}, directory_);
  EXPECT_TRUE(traffic_.retire(directory_).empty());
  SnapshotMaker others;
  others.add_workload("another", "10.0.0.9", 99);
  directory_.learn(others.build());
  traffic_.update({sums}, {}, directory_);
  EXPECT_EQ(traffic_.retire(directory_).size(), 1U);
  EXPECT_TRUE(traffic_.retire(directory_).empty());
  traffic_.update({}, {}, directory_);
  EXPECT_EQ(read("istio_tcp_received_bytes_total"), "destination 9, source 9");
  telemetry::SeriesSum sum;
  traffic_.add_to(sum);
  EXPECT_THAT(sum.text(), HasSubstr("source_principal=\"spiffe://cluster.local/ns/shop/sa/client\""));
}

TEST_F(TrafficTest, APodThatWentBeforeAnybodyLookedIsStillNamed) {
  SnapshotMaker others;
  others.add_workload("another", "10.0.0.9", 99);
  directory_.learn(others.build());
  traffic_.update({ended(connection(), {.closed = 1, .sent = 0, .received = 0})}, {}, directory_);
  telemetry::SeriesSum sum;
  traffic_.add_to(sum);
  EXPECT_THAT(sum.text(), HasSubstr("source_principal=\"spiffe://cluster.local/ns/shop/sa/client\""));
}

TEST_F(TrafficTest, DestinationsOutsideTheMeshAreOneSeries) {
  fl_flow one = connection();
  one.in_mesh = 0;
  one.destination_netns = 0;
  one.reporters = FL_REPORT_SOURCE;
  fl_flow two = one;
  one.dialled = one.destination = at("198.51.100.1", 443);
  two.dialled = two.destination = at("198.51.100.2", 80);
  traffic_.update({}, {one, two}, directory_);
  EXPECT_EQ(read("istio_tcp_connections_opened_total"), "source 2");
  telemetry::SeriesSum sum;
  traffic_.add_to(sum);
  EXPECT_THAT(sum.text(), HasSubstr("destination_service_name=\"PassthroughCluster\""));
}

}  // namespace
}  // namespace fairlead::flow
