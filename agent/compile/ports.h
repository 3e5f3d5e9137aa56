// The protocol of every service port and every pod port (design section 3): what is declared; and for a port that
// declares nothing, HTTP where a VirtualService or an AuthorizationPolicy with HTTP rules selects it. One compilation,
// one thread.
#pragma once

#include "agent/compile/policies.h"
#include "agent/compile/registry.h"
#include "agent/compile/virtual_services.h"

#include <map>
#include <optional>
#include <vector>

namespace fairlead::compile {

struct PodPort {
  config::Protocol protocol = config::Protocol::kUndeclared;
  std::optional<size_t> service;  // index of the oldest service that targets it
  // HTTP rules of a policy select a port that declares HTTP/2 or gRPC, which nothing can judge yet.
  bool refuse_opaque = false;
};

struct Protocols {
  std::vector<std::vector<config::Protocol>> services;  // by service, by port; kUndeclared for what is not TCP
  std::vector<std::map<uint16_t, PodPort>> pods;  // by pod: TCP ports that a service targets or that have a protocol
};

struct PortInputs {
  const Registry& registry;
  const Policies& policies;
  const VirtualServices& virtual_services;
};

Protocols resolve_protocols(const PortInputs& inputs, Messages& messages);

}  // namespace fairlead::compile
