#include "agent/bench/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace fairlead::bench {

std::string_view name_of(Path path) {
  switch (path) {
    case Path::kDirect:
      return "direct";
    case Path::kNodeKernel:
      return "node-kernel";
    case Path::kNodeHttp:
      return "node-http";
    case Path::kSidecarPair:
      return "sidecar-pair";
    case Path::kNodeToSidecar:
      return "node-to-sidecar";
    case Path::kSidecarToNode:
      return "sidecar-to-node";
    case Path::kNginxPair:
      return "nginx-pair";
    case Path::kHaproxyPair:
      return "haproxy-pair";
  }
  return "unknown";
}

std::optional<Path> parse_path(std::string_view name) {
  for (const Path path : kAllPaths) {
    if (name_of(path) == name) {
      return path;
    }
  }
  return std::nullopt;
}

bool is_stock_pair(Path path) { return path == Path::kNginxPair || path == Path::kHaproxyPair; }

Modes modes_of(Path path) {
  switch (path) {
    case Path::kNodeKernel:
    case Path::kNodeHttp:
      return {"node", "node"};
    case Path::kSidecarPair:
      return {"sidecar", "sidecar"};
    case Path::kNodeToSidecar:
      return {"node", "sidecar"};
    case Path::kSidecarToNode:
      return {"sidecar", "node"};
    case Path::kDirect:
    case Path::kNginxPair:
    case Path::kHaproxyPair:
      break;
  }
  return {"off", "off"};
}

std::string name_of(const Load& load) {
  return load.kind == Load::Kind::kHttp ? fmt::format("http-c{}", load.connections) : "tcp-rr-64";
}

bool carries(Path path, const Load& load) {
  return load.kind == Load::Kind::kHttp || (path != Path::kNodeHttp && !is_stock_pair(path));
}

std::vector<Cell> order_of_round(const std::vector<Path>& paths, const std::vector<Load>& loads, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Path> shuffled = paths;
  std::ranges::shuffle(shuffled, random);
  std::vector<Cell> order;
  for (const Path path : shuffled) {
    std::vector<Load> mixed = loads;
    std::ranges::shuffle(mixed, random);
    for (const Load& load : mixed) {
      if (carries(path, load)) {
        order.push_back({path, load});
      }
    }
  }
  return order;
}

}  // namespace fairlead::bench
