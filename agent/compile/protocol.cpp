#include "agent/compile/protocol.h"

#include <algorithm>
#include <array>
#include <string>

namespace fairlead::compile {
namespace {

using config::Protocol;

struct Named {
  std::string_view name;
  Protocol protocol;
};

// TLS of any kind is opaque to us: bytes that pass.
constexpr std::array kNames = {
    Named{"http", Protocol::kHttp},  Named{"http_proxy", Protocol::kHttp}, Named{"http2", Protocol::kHttp2},
    Named{"grpc", Protocol::kHttp2}, Named{"tcp", Protocol::kTcp},         Named{"https", Protocol::kTcp},
    Named{"tls", Protocol::kTcp},    Named{"mongo", Protocol::kTcp},       Named{"redis", Protocol::kTcp},
    Named{"mysql", Protocol::kTcp},
};
// Spelled out by Kubernetes for appProtocol (pkg.go.dev/k8s.io/api/core/v1, ServicePort).
constexpr std::array kKubernetesNames = {
    Named{"kubernetes.io/h2c", Protocol::kHttp2},
    Named{"kubernetes.io/ws", Protocol::kHttp},
    Named{"kubernetes.io/wss", Protocol::kTcp},
};
// Ports that Istio takes for TCP where nothing is declared: their servers speak first.
constexpr std::array<uint16_t, 4> kWellKnownTcp = {25, 53, 3306, 27017};
// The one name with a hyphen of its own. Istio counts it as HTTP/2.
constexpr std::string_view kGrpcWeb = "grpc-web";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  return out;
}

int rank(Protocol protocol) {
  switch (protocol) {
    case Protocol::kHttp:
      return 3;
    case Protocol::kHttp2:
      return 2;
    case Protocol::kTcp:
      return 1;
    case Protocol::kUndeclared:
      return 0;
  }
  return 0;
}

}  // namespace

std::optional<Protocol> declared_protocol(const DeclaredPort& port) {
  if (!port.transport.empty() && port.transport != "TCP") {
    return std::nullopt;
  }
  const std::string_view text = port.app_protocol.empty() ? port.name : port.app_protocol;
  if (!port.app_protocol.empty()) {
    const auto* const found = std::ranges::find(kKubernetesNames, text, &Named::name);
    if (found != kKubernetesNames.end()) {
      return found->protocol;
    }
  }
  const std::string name = lower(text);
  if (name.starts_with(kGrpcWeb)) {
    return Protocol::kHttp2;
  }
  const std::string_view prefix = std::string_view(name).substr(0, name.find('-'));
  if (prefix == "udp") {
    return std::nullopt;
  }
  const auto* const found = std::ranges::find(kNames, prefix, &Named::name);
  if (found != kNames.end()) {
    return found->protocol;
  }
  return std::ranges::find(kWellKnownTcp, port.port) != kWellKnownTcp.end() ? Protocol::kTcp : Protocol::kUndeclared;
}

Protocol stronger(Protocol a, Protocol b) { return rank(a) >= rank(b) ? a : b; }

}  // namespace fairlead::compile
