#include "agent/bench/evidence.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <initializer_list>

namespace fairlead::bench {
namespace {

constexpr uint64_t kAny = ~0ULL;

Status between(std::string_view what, uint64_t value, uint64_t low, uint64_t high) {
  if (value >= low && value <= high) {
    return {};
  }
  if (high == kAny) {
    return fail(fmt::format("{}: {} counted, at least {} expected", what, value, low));
  }
  return fail(low == high ? fmt::format("{}: {} counted, {} expected", what, value, low)
                          : fmt::format("{}: {} counted, {} to {} expected", what, value, low, high));
}

bool passes_proxy(const Cell& cell) { return !is_kernel_path(cell.path) && modes_of(cell.path).client != "off"; }

Status first_of(std::initializer_list<Status> checks) {
  for (const Status& check : checks) {
    if (!check) {
      return check;
    }
  }
  return {};
}

bool is_sidecar(std::string_view mode) { return mode == "sidecar"; }

}  // namespace

Counters operator-(const Counters& after, const Counters& before) {
  return {.requests_source = after.requests_source - before.requests_source,
          .requests_destination = after.requests_destination - before.requests_destination,
          .tcp_source = after.tcp_source - before.tcp_source,
          .tcp_destination = after.tcp_destination - before.tcp_destination,
          .kernel_path = after.kernel_path - before.kernel_path,
          .to_proxy = after.to_proxy - before.to_proxy};
}

Status check_counters(const Cell& cell, const Counters& during, uint64_t requests) {
  const bool is_http = cell.load.kind == Load::Kind::kHttp;
  const uint64_t connections = cell.load.connections;
  const Modes modes = modes_of(cell.path);
  if (is_http && passes_proxy(cell)) {
    return first_of(
        {between("requests at the source", during.requests_source, requests, requests + connections),
         between("requests at the destination", during.requests_destination, requests, requests + connections),
         between("connections sent to a proxy", during.to_proxy, connections, kAny)});
  }
  const Status no_request = first_of({between("requests at the source", during.requests_source, 0, 0),
                                      between("requests at the destination", during.requests_destination, 0, 0)});
  if (modes.client == "off") {
    return first_of({no_request, between("connections on the kernel path", during.kernel_path, 0, 0),
                     between("connections sent to a proxy", during.to_proxy, 0, 0)});
  }
  // Each end is told of once, by its sidecar or by the kernel. A load generator may connect anew.
  const uint64_t most = is_sidecar(modes.client) || is_sidecar(modes.server) ? connections : kAny;
  return first_of({no_request, between("TCP connections at the source", during.tcp_source, connections, most),
                   between("TCP connections at the destination", during.tcp_destination, connections, most),
                   is_sidecar(modes.client)
                       ? between("connections sent to a proxy", during.to_proxy, 1, kAny)
                       : between("connections on the kernel path", during.kernel_path, connections, kAny)});
}

Status check_records(const Cell& cell, const std::set<std::string>& record_paths) {
  const bool is_http = cell.load.kind == Load::Kind::kHttp;
  const Modes modes = modes_of(cell.path);
  std::set<std::string> expected;
  if (is_sidecar(modes.client)) {
    expected.insert("sidecar_outbound");
  } else if (is_http && passes_proxy(cell)) {
    expected.insert("node_http");
  } else if (modes.client == "node") {
    expected.insert("kernel");
  }
  if (is_sidecar(modes.server)) {
    expected.insert("sidecar_inbound");
  } else if (is_sidecar(modes.client)) {
    expected.insert(is_http ? "node_inbound" : "kernel");
  }
  if (record_paths == expected) {
    return {};
  }
  return fail(fmt::format("access records of [{}], expected of [{}]", fmt::join(record_paths, ", "),
                          fmt::join(expected, ", ")));
}

}  // namespace fairlead::bench
