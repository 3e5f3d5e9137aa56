#include "userspace-proxy/telemetry/prometheus.h"

#include "tests/unit/telemetry/samples.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace fairlead::telemetry {
namespace {

using namespace std::string_literals;  // for texts with a NUL
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kHttpLabels =
    R"(reporter="reporter-value",source_workload="source_workload-value",)"
    R"(source_canonical_service="source_canonical_service-value",)"
    R"(source_canonical_revision="source_canonical_revision-value",)"
    R"(source_workload_namespace="source_workload_namespace-value",source_principal="source_principal-value",)"
    R"(source_app="source_app-value",source_version="source_version-value",source_cluster="source_cluster-value",)"
    R"(destination_workload="destination_workload-value",)"
    R"(destination_workload_namespace="destination_workload_namespace-value",)"
    R"(destination_principal="destination_principal-value",destination_app="destination_app-value",)"
    R"(destination_version="destination_version-value",destination_service="destination_service-value",)"
    R"(destination_canonical_service="destination_canonical_service-value",)"
    R"(destination_canonical_revision="destination_canonical_revision-value",)"
    R"(destination_service_name="destination_service_name-value",)"
    R"(destination_service_namespace="destination_service_namespace-value",)"
    R"(destination_cluster="destination_cluster-value",request_protocol="request_protocol-value",)"
    R"(response_code="200",grpc_response_status="",response_flags="response_flags-value",)"
    R"(connection_security_policy="connection_security_policy-value")";

std::string tcp_labels() {
  std::string labels(kHttpLabels);
  const std::string_view left_out = R"(response_code="200",grpc_response_status="",)";
  return labels.erase(labels.find(left_out), left_out.size());
}

SeriesSnapshot http_snapshot(uint16_t code = 200) {
  SeriesSnapshot snapshot;
  auto& [labels, series] = snapshot.http.emplace_back();
  labels.common = distinct_labels();
  labels.response_code = code;
  series.count(0.25, 0, 612);
  series.count(7, 100, 612);
  series.count(9e6, 3600001, 612);
  return snapshot;
}

SeriesSnapshot tcp_snapshot() {
  SeriesSnapshot snapshot;
  snapshot.tcp.push_back(
      {{.common = distinct_labels()}, {.opened = 4, .closed = 3, .sent_bytes = 2, .received_bytes = 1}});
  return snapshot;
}

TEST(PrometheusText, WritesIstiosHttpMetrics) {
  SeriesSum sum;
  sum.add(http_snapshot());
  const std::string text = sum.text();
  EXPECT_THAT(
      text, HasSubstr(fmt::format("# TYPE istio_requests_total counter\nistio_requests_total{{{}}} 3\n", kHttpLabels)));

  std::string histogram = "# TYPE istio_request_duration_milliseconds histogram\n";
  const std::pair<const char*, int> buckets[] = {
      {"0.5", 1},   {"1", 1},      {"5", 1},      {"10", 2},      {"25", 2},      {"50", 2},    {"100", 2},
      {"250", 2},   {"500", 2},    {"1000", 2},   {"2500", 2},    {"5000", 2},    {"10000", 2}, {"30000", 2},
      {"60000", 2}, {"300000", 2}, {"600000", 2}, {"1800000", 2}, {"3600000", 2}, {"+Inf", 3}};
  for (const auto& [bound, count] : buckets) {
    histogram +=
        fmt::format("istio_request_duration_milliseconds_bucket{{{},le=\"{}\"}} {}\n", kHttpLabels, bound, count);
  }
  histogram += fmt::format("istio_request_duration_milliseconds_sum{{{}}} 9000007.25\n", kHttpLabels);
  histogram += fmt::format("istio_request_duration_milliseconds_count{{{}}} 3\n", kHttpLabels);
  EXPECT_THAT(text, HasSubstr(histogram));

  EXPECT_THAT(text, HasSubstr(fmt::format("istio_request_bytes_bucket{{{},le=\"100\"}} 2\n", kHttpLabels)));
  EXPECT_THAT(text, HasSubstr(fmt::format("istio_request_bytes_sum{{{}}} 3600101\n", kHttpLabels)));
  EXPECT_THAT(text, HasSubstr(fmt::format("istio_response_bytes_sum{{{}}} 1836\n", kHttpLabels)));
  EXPECT_THAT(text, Not(HasSubstr("istio_tcp")));
}

TEST(PrometheusText, WritesIstiosTcpMetricsWithoutTheHttpLabels) {
  SeriesSum sum;
  sum.add(tcp_snapshot());
  const std::string text = sum.text();
  for (const auto& [name, value] :
       {std::pair("istio_tcp_connections_opened_total", 4), std::pair("istio_tcp_connections_closed_total", 3),
        std::pair("istio_tcp_sent_bytes_total", 2), std::pair("istio_tcp_received_bytes_total", 1)}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("# TYPE {0} counter\n{0}{{{1}}} {2}\n", name, tcp_labels(), value)));
  }
  EXPECT_THAT(text, Not(HasSubstr("istio_request")));
}

TEST(PrometheusText, WritesCodeZeroWhereNoneWasSent) {
  SeriesSum sum;
  sum.add(http_snapshot(0));
  EXPECT_THAT(sum.text(), HasSubstr("response_code=\"0\""));
}

TEST(SeriesSum, MergesEqualLabelsOfSeveralSnapshots) {
  SeriesSum sum;
  sum.add(http_snapshot());
  sum.add(http_snapshot());
  sum.add(http_snapshot(404));
  sum.add(tcp_snapshot());
  sum.add(tcp_snapshot());
  SeriesSnapshot overflow;
  overflow.series_overflow = 21;
  sum.add(overflow);
  sum.add(overflow);
  const std::string text = sum.text();
  EXPECT_THAT(text, HasSubstr(fmt::format("istio_requests_total{{{}}} 6\n", kHttpLabels)));
  EXPECT_THAT(text, HasSubstr(fmt::format("istio_tcp_connections_opened_total{{{}}} 8\n", tcp_labels())));
  EXPECT_THAT(text, HasSubstr("\nfairlead_telemetry_series_overflow_total 42\n"));
}

TEST(SeriesSum, WritesTheSameTextWhateverTheOrder) {
  SeriesSum one, other;
  for (const uint16_t code : {200, 404, 503}) {
    one.add(http_snapshot(code));
  }
  for (const uint16_t code : {503, 200, 404}) {
    other.add(http_snapshot(code));
  }
  EXPECT_EQ(one.text(), other.text());
}

TEST(PrometheusText, ComesInSmallPiecesThatMakeTheWhole) {
  SeriesSum sum;
  for (uint16_t code = 200; code < 300; ++code) {
    sum.add(http_snapshot(code));
  }
  sum.add(tcp_snapshot());
  PrometheusText pieces(sum);
  std::string whole;
  size_t count = 0;
  for (auto piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
    EXPECT_LT(piece.size(), 64u << 10);
    whole += piece;
    ++count;
  }
  EXPECT_EQ(whole, sum.text());
  EXPECT_EQ(count, 4 * 100 + 4 * 1 + 1);
  EXPECT_TRUE(pieces.next().empty());
}

TEST(PrometheusText, HasOnlyItsOwnCounterWhenNothingWasCounted) {
  EXPECT_EQ(SeriesSum().text(),
            "# HELP fairlead_telemetry_series_overflow_total Look-ups that found a worker's table of series full.\n"
            "# TYPE fairlead_telemetry_series_overflow_total counter\n"
            "fairlead_telemetry_series_overflow_total 0\n");
}

TEST(EscapeLabel, EscapesWhatWouldEndTheValue) {
  EXPECT_EQ(escape_label("plain/text"), "plain/text");
  EXPECT_EQ(escape_label("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
}

#ifdef FAIRLEAD_PROMTOOL
// promtool's own parser reads it; its only complaint may be Istio's unit.
TEST(PrometheusText, PassesPromtool) {
  SeriesSum sum;
  sum.add(http_snapshot());
  sum.add(http_snapshot(0));
  sum.add(tcp_snapshot());
  SeriesSnapshot odd;
  auto& [labels, series] = odd.http.emplace_back();
  labels.common.destination_service = "\\ \" \n \r \t { } , = \0 \x7f \xc3\xbc \\"s;
  labels.common.source_app = "ends with a backslash\\";
  series.count(1, 1, 1);
  sum.add(odd);

  const std::string file = fmt::format("{}/fairlead-promtool-{}", testing::TempDir(), getpid());
  std::ofstream(file, std::ios::binary) << sum.text();
  const std::string command = fmt::format("'{}' check metrics < '{}' 2>&1", FAIRLEAD_PROMTOOL, file);
  FILE* const tool = popen(command.c_str(), "r");
  ASSERT_NE(tool, nullptr);
  std::string output;
  for (int c = fgetc(tool); c != EOF; c = fgetc(tool)) {
    output += static_cast<char>(c);
  }
  const int status = pclose(tool);
  unlink(file.c_str());
  EXPECT_EQ(output, "istio_request_duration_milliseconds use base unit \"seconds\" instead of \"milliseconds\"\n");
  EXPECT_EQ(WEXITSTATUS(status), 3);  // parsed, with remarks
}
#else
TEST(PrometheusText, PassesPromtool) {
  GTEST_SKIP() << "promtool (Debian: prometheus) was not there at configure time";
}
#endif

}  // namespace
}  // namespace fairlead::telemetry
