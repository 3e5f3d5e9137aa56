// The protocol that a port declares: Istio's protocol selection by appProtocol and port name. Pure, any thread.
// Source: istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection.
#pragma once

#include "userspace-proxy/config/snapshot.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace fairlead::compile {

// A port as a Service, an EndpointSlice or a container declares it.
struct DeclaredPort {
  std::string_view transport;     // "TCP", "UDP", "SCTP"; empty: TCP
  std::string_view app_protocol;  // beats the name; empty: none
  std::string_view name;
  uint16_t port = 0;
};

// nullopt: not TCP, so not ours.
std::optional<config::Protocol> declared_protocol(const DeclaredPort& port);

// Of two declarations for one workload port, the one that holds: HTTP, then HTTP/2, then TCP, then nothing.
config::Protocol stronger(config::Protocol a, config::Protocol b);

}  // namespace fairlead::compile
