#include "agent/bench/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>

namespace fairlead::bench {
namespace {

constexpr unsigned kKib = 1024, kMib = 1024 * 1024;
constexpr unsigned kLargestMessage = kMib;
constexpr std::string_view kLifeNames[] = {"", "-new", "-close"};  // by Connections

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

struct Facts {
  std::string_view name;
  Modes modes;
  Path path;
  bool is_http_only = false, is_encrypted = false;
};
constexpr Modes kOff{"off", "off"}, kNode{"node", "node"}, kSidecars{"sidecar", "sidecar"};
constexpr Modes kFastNode{"node", "node", true}, kFastSidecars{"sidecar", "sidecar", true};
constexpr bool kHttpOnly = true, kEncrypted = true;
constexpr Facts kFacts[] = {
    {"direct", kOff, Path::kDirect},
    {"node-kernel", kNode, Path::kNodeKernel},
    {"node-kernel-accelerated", kFastNode, Path::kNodeKernelAccelerated},
    {"node-http", kNode, Path::kNodeHttp, kHttpOnly},
    {"node-http-accelerated", kFastNode, Path::kNodeHttpAccelerated, kHttpOnly},
    {"sidecar-pair", kSidecars, Path::kSidecarPair},
    {"sidecar-pair-accelerated", kFastSidecars, Path::kSidecarPairAccelerated},
    {"node-to-sidecar", {"node", "sidecar"}, Path::kNodeToSidecar},
    {"sidecar-to-node", {"sidecar", "node"}, Path::kSidecarToNode},
    {"relay", kOff, Path::kRelay, kHttpOnly},
    {"nginx-hop", kOff, Path::kNginxHop, kHttpOnly},
    {"haproxy-hop", kOff, Path::kHaproxyHop, kHttpOnly},
    {"envoy-hop", kOff, Path::kEnvoyHop, kHttpOnly},
    {"nginx-pair", kOff, Path::kNginxPair, kHttpOnly},
    {"haproxy-pair", kOff, Path::kHaproxyPair, kHttpOnly},
    {"envoy-pair", kOff, Path::kEnvoyPair, kHttpOnly},
    {"ztunnel-pair", kOff, Path::kZtunnelPair},
    {"node-http-mtls", kNode, Path::kNodeHttpMtls, kHttpOnly, kEncrypted},
    {"sidecar-pair-mtls", kSidecars, Path::kSidecarPairMtls, !kHttpOnly, kEncrypted},
    {"ztunnel-pair-mtls", kOff, Path::kZtunnelPairMtls, !kHttpOnly, kEncrypted},
};
static_assert(std::ranges::equal(kFacts, kAllPaths, {}, &Facts::path), "a line for each path, in their order");

const Facts& facts_of(Path path) { return kFacts[static_cast<size_t>(path)]; }

}  // namespace

std::string_view name_of(Path path) { return facts_of(path).name; }

std::optional<Path> parse_path(std::string_view name) {
  for (const Path path : kAllPaths) {
    if (name_of(path) == name) {
      return path;
    }
  }
  return std::nullopt;
}

bool is_encrypted(Path path) { return facts_of(path).is_encrypted; }
Modes modes_of(Path path) { return facts_of(path).modes; }
bool is_kernel_path(Path path) { return path == Path::kNodeKernel || path == Path::kNodeKernelAccelerated; }

std::string size_name(unsigned bytes) {
  return bytes % kMib == 0   ? fmt::format("{}m", bytes / kMib)
         : bytes % kKib == 0 ? fmt::format("{}k", bytes / kKib)
                             : fmt::format("{}", bytes);
}

std::string name_of(const Load& load) {
  if (load.kind != Load::Kind::kHttp) {
    return (load.kind == Load::Kind::kTcpStream ? "tcp-stream-" : "tcp-rr-") + size_name(load.bytes);
  }
  return fmt::format("http-c{}{}{}{}", load.connections,
                     load.bytes == Load::kBodyBytes ? "" : "-" + size_name(load.bytes),
                     kLifeNames[static_cast<size_t>(load.life)], load.rate == 0 ? "" : fmt::format("-r{}", load.rate));
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
  for (const Connections life : {Connections::kPerRequest, Connections::kServerClose}) {
    if (const std::string_view suffix = kLifeNames[static_cast<size_t>(life)]; name.starts_with(suffix)) {
      load.life = life;
      name.remove_prefix(suffix.size());
      break;
    }
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

bool carries(Path path, const Load& load) { return load.kind == Load::Kind::kHttp || !facts_of(path).is_http_only; }

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
