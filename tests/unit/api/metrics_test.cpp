#include "agent/api/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::api {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(OwnMetrics, EveryFamilyHasItsTypeAndItsValue) {
  const OwnMetrics metrics{
      .version = "1.2\"3",
      .generation = 7,
      .kernel_generation = 6,
      .rejected_objects = 2,
      .proxies = {.restarts = 3, .sockets = 40, .batches = 5, .waits = 6},
      .pods = {{"node", 4}, {"off", 0}},
      .kernel = {.by_reason = {{Reason::KERNEL_PATH, 11}, {Reason::POLICY_DENIED, 5}, {Reason::NONE, 9}},
                 .flows_lost = 8,
                 .traffic_lost = 13},
      .ended = {{Reason::PATH_CHANGED, 12}}};
  const std::string text = own_metrics_text(metrics);
  for (const char* line :
       {"# TYPE istio_build gauge\nistio_build{component=\"proxy\",tag=\"1.2\\\"3\"} 1\n",
        "fairlead_kernel_connections_total{reason=\"kernel_path\"} 11\n",
        "fairlead_kernel_connections_total{reason=\"policy_denied\"} 5\n",
        "fairlead_kernel_connections_ended_total{reason=\"path_changed\"} 12\n",
        "fairlead_kernel_flow_records_lost_total 8\n", "fairlead_kernel_traffic_lost_total 13\n",
        "# TYPE fairlead_config_generation gauge\nfairlead_config_generation 7\n",
        "fairlead_config_kernel_generation 6\n", "fairlead_config_rejected_objects 2\n",
        "fairlead_pods{mode=\"node\"} 4\n", "fairlead_pods{mode=\"off\"} 0\n",
        "# TYPE fairlead_proxy_restarts_total counter\nfairlead_proxy_restarts_total 3\n",
        "fairlead_upstream_sockets_total 40\n", "fairlead_upstream_socket_batches_total 5\n",
        "# TYPE fairlead_upstream_socket_waits_total counter\nfairlead_upstream_socket_waits_total 6\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("reason=\"none\"")));
}

}  // namespace
}  // namespace fairlead::api
