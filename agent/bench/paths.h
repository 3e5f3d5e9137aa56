// What is measured: the ways from client to server, the loads, and the order of a run. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::bench {

// The names are those of report.json (docs/report-json.md).
enum class Path : uint8_t {
  kDirect,         // both pods off, the pod's address: no mesh
  kNodeKernel,     // both in node mode, a TCP port: decided at connect(), nothing of ours in the byte path
  kNodeHttp,       // both in node mode, an HTTP port: one pass through the node proxy
  kSidecarPair,    // both in sidecar mode
  kNodeToSidecar,  // the server alone in sidecar mode
  kSidecarToNode,  // the client alone in sidecar mode
  kNginxPair,      // both off; stock nginx as a sidecar at both ends
  kHaproxyPair,    // both off; stock HAProxy as a sidecar at both ends
};

inline constexpr Path kAllPaths[] = {Path::kDirect,        Path::kNodeKernel,    Path::kNodeHttp,  Path::kSidecarPair,
                                     Path::kNodeToSidecar, Path::kSidecarToNode, Path::kNginxPair, Path::kHaproxyPair};

std::string_view name_of(Path path);
std::optional<Path> parse_path(std::string_view name);
bool is_stock_pair(Path path);

// Modes as `fairlead mode` takes them.
struct Modes {
  std::string_view client, server;
  bool operator==(const Modes&) const = default;
};
Modes modes_of(Path path);

// Closed loops: each connection sends when its answer has come.
struct Load {
  enum class Kind : uint8_t { kHttp, kTcpRoundTrip } kind = Kind::kHttp;
  unsigned connections = 1;  // of kHttp; a TCP round trip has one
  bool operator==(const Load&) const = default;
};
std::string name_of(const Load& load);  // "http-c64", "tcp-rr-64"

// Whether the path exists for this load: node mode's HTTP path and the stock proxies here carry HTTP only.
bool carries(Path path, const Load& load);

struct Cell {
  Path path;
  Load load;
  bool operator==(const Cell&) const = default;
};

// The order of one round: every cell once. The paths in random order, and so the loads of each path: a path's modes
// have to be set once per round.
std::vector<Cell> order_of_round(const std::vector<Path>& paths, const std::vector<Load>& loads, uint64_t seed);

}  // namespace fairlead::bench
