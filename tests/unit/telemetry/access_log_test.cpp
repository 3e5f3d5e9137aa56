#include "userspace-proxy/telemetry/access_log.h"

#include "tests/unit/telemetry/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace fairlead::telemetry {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

RecordOwned tcp_record() {
  RecordOwned record = sample_record();
  record.kind = RecordKind::kTcp;
  record.path = Path::kNodeTcp;
  record.reason = Reason::TCP_DONE;
  record.status = 0;
  record.method = record.target = record.authority = "";
  record.protocol = "TCP";
  return record;
}

TEST(AccessLine, IsIstiosDefaultFormatThenOurs) {
  EXPECT_EQ(
      access_line(sample_record()),
      "[2026-01-02T03:04:05.678Z] \"GET /hello?x=1 HTTP/1.1\" 200 - via_upstream - \"-\" 5 612 1 - \"-\" \"-\" \"-\" "
      "\"httpd.shop\" \"[fd00::3]:8080\" outbound|80|v1|httpd.shop.svc.cluster.local - 10.96.0.10:80 10.0.0.2:43210 - "
      "canary source_workload=shop/client source_principal=spiffe://cluster.local/ns/shop/sa/client "
      "destination_workload=shop/httpd-v1 policy=shop/allow-client reason=via_upstream path_taken=node_http");
}

TEST(AccessLine, WritesADashForWhatIsMissing) {
  EXPECT_EQ(access_line({}),
            "[1970-01-01T00:00:00.000Z] \"- - -\" 0 - none - \"-\" 0 0 0 - \"-\" \"-\" \"-\" \"-\" \"-\" - - - - - - "
            "source_workload=- source_principal=- destination_workload=- policy=- reason=none path_taken=node_http");
}

TEST(AccessLine, HasNoRequestForATcpConnection) {
  EXPECT_THAT(access_line(tcp_record()), StartsWith("[2026-01-02T03:04:05.678Z] \"- - -\" 0 - - - \"-\" 5 612 1 "));
}

TEST(AccessLine, NamesThePolicyThatDenied) {
  RecordOwned record = sample_record();
  record.reason = Reason::RBAC_DENIED;
  record.status = 403;
  EXPECT_THAT(access_line(record),
              HasSubstr("403 - rbac_access_denied_matched_policy[ns[shop]-policy[allow-client]] - "));
  record.policy.clear();
  EXPECT_THAT(access_line(record), HasSubstr("403 - rbac_access_denied_matched_policy[none] - "));
  record = tcp_record();
  record.reason = Reason::RBAC_DENIED;
  EXPECT_THAT(access_line(record),
              HasSubstr("0 - - rbac_access_denied_matched_policy[ns[shop]-policy[allow-client]] "));
}

TEST(AccessLine, LetsNoTextBreakTheLineOrTheTerminal) {
  RecordOwned record = sample_record();
  record.target = "/a b\"\\\n\r\x1b[31m\x7f\xc2\x9b\xff";
  record.authority = "x\" policy=forged \"";
  const std::string line = access_line(record);
  EXPECT_THAT(line, HasSubstr("\"GET /a\\x20b\\x22\\x5c\\x0a\\x0d\\x1b[31m\\x7f\\xc2\\x9b\\xff HTTP/1.1\""));
  EXPECT_THAT(line, HasSubstr("\"x\\x22 policy=forged \\x22\""));
  EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return c >= 0x20 && c < 0x7f; }));
}

TEST(AccessLine, TakesAnyTimeAndAnyReason) {
  RecordOwned record;
  record.start_unix_ns = -1;
  record.reason = static_cast<Reason>(255);
  EXPECT_THAT(access_line(record), StartsWith("[1969-12-31T23:59:59.999Z]"));
  record.start_unix_ns = INT64_MIN;
  EXPECT_THAT(access_line(record), StartsWith("[1677-09-21T00:12:43.145Z]"));
  record.start_unix_ns = INT64_MAX;
  EXPECT_THAT(access_line(record), StartsWith("[2262-04-11T23:47:16.854Z]"));
}

TEST(AccessJson, HasIstiosKeysAndOurs) {
  EXPECT_EQ(json::parse(access_json(sample_record())), json::parse(R"({
    "start_time": "2026-01-02T03:04:05.678Z", "method": "GET", "path": "/hello?x=1", "protocol": "HTTP/1.1",
    "response_code": 200, "response_flags": "-", "response_code_details": "via_upstream",
    "connection_termination_details": null, "upstream_transport_failure_reason": null, "bytes_received": 5,
    "bytes_sent": 612, "duration": 1, "upstream_service_time": null, "x_forwarded_for": null, "user_agent": null,
    "request_id": null, "authority": "httpd.shop", "upstream_host": "[fd00::3]:8080",
    "upstream_cluster": "outbound|80|v1|httpd.shop.svc.cluster.local", "upstream_local_address": null,
    "downstream_local_address": "10.96.0.10:80", "downstream_remote_address": "10.0.0.2:43210",
    "requested_server_name": null, "route_name": "canary", "duration_us": 1234, "source_workload": "shop/client",
    "source_principal": "spiffe://cluster.local/ns/shop/sa/client", "destination_workload": "shop/httpd-v1",
    "policy": "shop/allow-client", "reason": "via_upstream", "path_taken": "node_http"})"));
}

TEST(AccessJson, IsNullWhereAValueIsMissing) {
  const json tcp = json::parse(access_json(tcp_record()));
  EXPECT_EQ(tcp["method"], nullptr);
  EXPECT_EQ(tcp["protocol"], nullptr);
  EXPECT_EQ(tcp["response_code"], 0);
  EXPECT_EQ(tcp["response_code_details"], nullptr);
  EXPECT_EQ(tcp["reason"], "tcp_done");
  const json empty = json::parse(access_json({}));
  EXPECT_EQ(empty["upstream_host"], nullptr);
  EXPECT_EQ(empty["policy"], nullptr);
}

TEST(AccessJson, StaysJsonWhateverTheTexts) {
  RecordOwned record = sample_record();
  record.target = "/\"\\\n\x1b\xff\xed\xa0\x80";
  const std::string text = access_json(record);
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; }));
  EXPECT_THAT(json::parse(text)["path"].get<std::string>(), StartsWith("/\"\\\n\x1b\xef\xbf\xbd"));
}

}  // namespace
}  // namespace fairlead::telemetry
