#include "agent/bench/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>

namespace fairlead::bench {
namespace {

constexpr unsigned kKib = 1024, kMib = 1024 * 1024;
constexpr unsigned kLargestMessage = kMib;

std::string size_name(unsigned bytes) {
  return bytes % kMib == 0   ? fmt::format("{}m", bytes / kMib)
         : bytes % kKib == 0 ? fmt::format("{}k", bytes / kKib)
                             : fmt::format("{}", bytes);
}

// The number at the front of `text`, taken off it.
std::optional<unsigned> take_number(std::string_view& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

std::optional<unsigned> parse_size(std::string_view text) {
  const auto number = take_number(text);
  const unsigned unit = text == "k" ? kKib : (text == "m" ? kMib : 1);
  const bool is_size = number && (text.empty() || unit != 1) && *number <= kLargestMessage / unit;
  return is_size ? std::optional(*number * unit) : std::nullopt;
}

}  // namespace

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
    case Path::kRelay:
      return "relay";
    case Path::kNginxHop:
      return "nginx-hop";
    case Path::kHaproxyHop:
      return "haproxy-hop";
    case Path::kEnvoyHop:
      return "envoy-hop";
    case Path::kNginxPair:
      return "nginx-pair";
    case Path::kHaproxyPair:
      return "haproxy-pair";
    case Path::kEnvoyPair:
      return "envoy-pair";
    case Path::kZtunnelPair:
      return "ztunnel-pair";
    case Path::kNodeHttpMtls:
      return "node-http-mtls";
    case Path::kSidecarPairMtls:
      return "sidecar-pair-mtls";
    case Path::kZtunnelPairMtls:
      return "ztunnel-pair-mtls";
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

bool is_encrypted(Path path) {
  return path == Path::kNodeHttpMtls || path == Path::kSidecarPairMtls || path == Path::kZtunnelPairMtls;
}

Modes modes_of(Path path) {
  switch (path) {
    case Path::kNodeKernel:
    case Path::kNodeHttp:
    case Path::kNodeHttpMtls:
      return {"node", "node"};
    case Path::kSidecarPair:
    case Path::kSidecarPairMtls:
      return {"sidecar", "sidecar"};
    case Path::kNodeToSidecar:
      return {"node", "sidecar"};
    case Path::kSidecarToNode:
      return {"sidecar", "node"};
    case Path::kDirect:
    case Path::kRelay:
    case Path::kNginxHop:
    case Path::kHaproxyHop:
    case Path::kEnvoyHop:
    case Path::kNginxPair:
    case Path::kHaproxyPair:
    case Path::kEnvoyPair:
    case Path::kZtunnelPair:
    case Path::kZtunnelPairMtls:
      break;
  }
  return {"off", "off"};
}

std::string name_of(const Load& load) {
  if (load.kind != Load::Kind::kHttp) {
    return (load.kind == Load::Kind::kTcpStream ? "tcp-stream-" : "tcp-rr-") + size_name(load.bytes);
  }
  return fmt::format("http-c{}{}{}{}", load.connections,
                     load.bytes == Load::kBodyBytes ? "" : "-" + size_name(load.bytes),
                     load.new_connections ? "-new" : "", load.rate == 0 ? "" : fmt::format("-r{}", load.rate));
}

std::optional<Load> parse_load(std::string_view name) {
  Load load;
  for (const auto& [prefix, kind] :
       {std::pair("tcp-rr-", Load::Kind::kTcpRoundTrip), {"tcp-stream-", Load::Kind::kTcpStream}}) {
    if (name.starts_with(prefix)) {
      const auto bytes = parse_size(name.substr(std::string_view(prefix).size()));
      load.kind = kind;
      load.bytes = bytes.value_or(0);
      return load.bytes != 0 && load.bytes <= kLargestMessage ? std::optional(load) : std::nullopt;
    }
  }
  constexpr std::string_view kHttp = "http-c";
  if (!name.starts_with(kHttp)) {
    return std::nullopt;
  }
  name.remove_prefix(kHttp.size());
  load.connections = take_number(name).value_or(0);
  for (const unsigned bytes : kBodySizes) {
    if (const std::string size = "-" + size_name(bytes); name.starts_with(size)) {
      load.bytes = bytes;
      name.remove_prefix(size.size());
      break;
    }
  }
  if (name.starts_with("-new")) {
    load.new_connections = true;
    name.remove_prefix(4);
  }
  if (name.starts_with("-r")) {
    name.remove_prefix(2);
    load.rate = take_number(name).value_or(0);
    if (load.rate == 0) {
      return std::nullopt;
    }
  }
  const bool is_load = name.empty() && load.connections != 0 && load.connections <= kMostConnections;
  return is_load ? std::optional(load) : std::nullopt;
}

bool carries(Path path, const Load& load) {
  switch (path) {
    case Path::kNodeHttp:
    case Path::kNodeHttpMtls:
    case Path::kRelay:
    case Path::kNginxHop:
    case Path::kHaproxyHop:
    case Path::kEnvoyHop:
    case Path::kNginxPair:
    case Path::kHaproxyPair:
    case Path::kEnvoyPair:
      return load.kind == Load::Kind::kHttp;
    default:
      return true;
  }
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
