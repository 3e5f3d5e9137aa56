// Label sets and records to test with.
#pragma once

#include "userspace-proxy/telemetry/labels.h"
#include "userspace-proxy/telemetry/record.h"

#include <string>

namespace fairlead::telemetry {

// Every label different, so that a mix-up shows: "<name>-value".
inline BasicCommonLabels<std::string> distinct_labels() {
  BasicCommonLabels<std::string> labels;
  for (const auto& field : kCommonLabels<std::string>) {
    labels.*field.member = std::string(field.name) + "-value";
  }
  return labels;
}

// Views of `owned`, which has to outlive them.
inline BasicCommonLabels<std::string_view> view(const BasicCommonLabels<std::string>& owned) {
  BasicCommonLabels<std::string_view> labels;
  for (size_t i = 0; i < kCommonLabels<std::string>.size(); ++i) {
    labels.*kCommonLabels<std::string_view>[i].member = owned.*kCommonLabels<std::string>[i].member;
  }
  return labels;
}

inline SocketAddress socket_address(std::string_view ip, uint16_t port) { return {*IpAddress::parse(ip), port}; }

inline RecordOwned sample_record() {
  RecordOwned record;
  record.kind = RecordKind::kHttp;
  record.path = Path::kNodeHttp;
  record.reason = Reason::VIA_UPSTREAM;
  record.status = 200;
  record.start_unix_ns = 1'767'323'045'678'901'234;  // 2026-01-02T03:04:05.678901234Z
  record.duration_ns = 1'234'567;
  record.bytes_received = 5;
  record.bytes_sent = 612;
  record.client = socket_address("10.0.0.2", 43210);
  record.destination = socket_address("10.96.0.10", 80);
  record.upstream = socket_address("fd00::3", 8080);
  record.source_workload = "shop/client";
  record.source_principal = "spiffe://cluster.local/ns/shop/sa/client";
  record.destination_workload = "shop/httpd-v1";
  record.method = "GET";
  record.authority = "httpd.shop";
  record.target = "/hello?x=1";
  record.route = "canary";
  record.cluster = "outbound|80|v1|httpd.shop.svc.cluster.local";
  record.policy = "shop/allow-client";
  record.protocol = "HTTP/1.1";
  return record;
}

// Views of `owned`, which has to outlive them.
inline Record view(const RecordOwned& owned) {
  Record record;
  record.kind = owned.kind;
  record.path = owned.path;
  record.reason = owned.reason;
  record.status = owned.status;
  record.start_unix_ns = owned.start_unix_ns;
  record.duration_ns = owned.duration_ns;
  record.bytes_received = owned.bytes_received;
  record.bytes_sent = owned.bytes_sent;
  record.client = owned.client;
  record.destination = owned.destination;
  record.upstream = owned.upstream;
  record.source_workload = owned.source_workload;
  record.source_principal = owned.source_principal;
  record.destination_workload = owned.destination_workload;
  record.method = owned.method;
  record.authority = owned.authority;
  record.target = owned.target;
  record.route = owned.route;
  record.cluster = owned.cluster;
  record.policy = owned.policy;
  record.protocol = owned.protocol;
  return record;
}

}  // namespace fairlead::telemetry
