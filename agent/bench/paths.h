// What is measured: the ways from client to server, the loads, and the order of a run. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::bench {

// Their names, modes and what they carry: one line each in paths.cpp. The names are those of report.json
// (docs/report-json.md).
enum class Path : uint8_t {
  kDirect,                 // both pods off, the pod's address: no mesh
  kNodeKernel,             // both in node mode, a TCP port: decided at connect(), nothing of ours in the byte path
  kNodeKernelAccelerated,  // the same, with bytes passed from socket to socket
  kNodeHttp,               // both in node mode, an HTTP port: one pass through the node proxy
  kNodeHttpAccelerated,    // the same, with both hops to the proxy passed from socket to socket
  kSidecarPair,            // both in sidecar mode
  kSidecarPairAccelerated,
  kNodeToSidecar,  // the server alone in sidecar mode
  kSidecarToNode,  // the client alone in sidecar mode
  kRelay,          // both off; one relay that only copies bytes: the least that a proxy in user space can cost
  kNginxHop,       // both off; one stock nginx, HAProxy or Envoy in the client's pod: one pass, as node mode has it
  kHaproxyHop,
  kEnvoyHop,
  kNginxPair,     // both off; stock nginx as a sidecar at both ends
  kHaproxyPair,   // both off; stock HAProxy as a sidecar at both ends
  kEnvoyPair,     // both off; stock Envoy as a sidecar at both ends
  kZtunnelPair,   // both off; Istio's ztunnel at both ends: L4 only
  kNodeHttpMtls,  // these three encrypted; not measured as long as the mesh has no mTLS
  kSidecarPairMtls,
  kZtunnelPairMtls,
};

inline constexpr unsigned kMostConnections = 1000;
// Bodies that the bench's server has: 100 bytes, 10 KiB, 1 MiB.
inline constexpr unsigned kBodySizes[] = {100, 10 * 1024, 1024 * 1024};

inline constexpr auto kAllPaths = [] {
  std::array<Path, static_cast<size_t>(Path::kZtunnelPairMtls) + 1> paths{};
  for (size_t i = 0; i < paths.size(); ++i) {
    paths[i] = static_cast<Path>(i);
  }
  return paths;
}();

std::string_view name_of(Path path);
std::optional<Path> parse_path(std::string_view name);
bool is_encrypted(Path path);

// Modes as `fairlead mode` takes them.
struct Modes {
  std::string_view client, server;
  bool accelerated = false;  // both
  bool operator==(const Modes&) const = default;
};
Modes modes_of(Path path);
// Decided at connect(), no proxy.
bool is_kernel_path(Path path);

// kHttp: how long a connection lasts.
enum class Connections : uint8_t {
  kKept,
  kPerRequest,   // the client opens one for each request
  kServerClose,  // the server closes after each answer: a proxy has to connect for each request, its client need not
};

// HTTP is a closed loop (each connection sends when its answer has come) unless it has a rate; TCP has one connection.
struct Load {
  enum class Kind : uint8_t { kHttp, kTcpRoundTrip, kTcpStream } kind = Kind::kHttp;
  unsigned connections = 1;
  unsigned bytes = kBodyBytes;  // of an HTTP answer's body, a round trip's message, a stream's write
  unsigned rate = 0;            // kHttp: requests per second, open loop; 0: closed loop
  Connections life = Connections::kKept;
  bool operator==(const Load&) const = default;

  static constexpr unsigned kBodyBytes = 100;
};
// "100", "10k", "1m".
std::string size_name(unsigned bytes);
// "http-c64", "http-c1-10k", "http-c1-1m", "http-c1-new", "http-c64-close", "http-c64-r5000", "tcp-rr-64",
// "tcp-rr-16k", "tcp-stream-16k".
std::string name_of(const Load& load);
std::optional<Load> parse_load(std::string_view name);

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
