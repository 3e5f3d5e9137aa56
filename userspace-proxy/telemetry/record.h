// The access record: one per request or proxied connection, the same form for proxy and kernel (design section 10).
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/reason.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::telemetry {

enum class RecordKind : uint8_t { kHttp = 1, kTcp = 2 };
enum class Path : uint8_t {
  kNodeHttp = 1,
  kNodeTcp = 2,
  kSidecarOutbound = 3,
  kSidecarInbound = 4,
  kNodeInbound = 5,
  kKernel = 6
};

// Text fields longer than this are cut when written.
inline constexpr size_t kMaxRecordText = 1024;

template <class Text>
struct BasicRecord {
  RecordKind kind = RecordKind::kHttp;
  Path path = Path::kNodeHttp;
  Reason reason = Reason::NONE;
  uint16_t status = 0;  // 0: none was sent
  int64_t start_unix_ns = 0;
  uint64_t duration_ns = 0;
  uint64_t bytes_received = 0;  // from the client, bodies
  uint64_t bytes_sent = 0;      // to the client, bodies
  SocketAddress client;         // the true one
  SocketAddress destination;    // as dialled
  SocketAddress upstream;       // none if none was chosen
  Text source_workload;         // "shop/client"; empty if unknown
  Text source_principal;        // empty: none
  Text destination_workload;
  Text method, authority, target;
  Text route, cluster;
  Text policy;    // the one that decided, "shop/web"
  Text protocol;  // "HTTP/1.1", "TCP"
  bool operator==(const BasicRecord&) const = default;
};

using Record = BasicRecord<std::string_view>;
using RecordOwned = BasicRecord<std::string>;

// Where a reader stands in one ring.
struct RecordPlace {
  uint64_t position = 0;
  uint64_t sequence = 0;  // of the next record
};

struct RecordBatch {
  std::vector<RecordOwned> records;
  uint64_t lost = 0;       // overwritten before they could be read
  uint64_t malformed = 0;  // times that the ring held no record where one belongs: the writer is broken or hostile
};

// "node_http", "sidecar_inbound", ...
std::string_view name_of(Path path);

}  // namespace fairlead::telemetry
