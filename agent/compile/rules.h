// One http rule of a VirtualService in the snapshot's form, without its destinations. Pure, any thread.
// Source: istio.io/latest/docs/reference/config/networking/virtual-service.
#pragma once

#include "agent/model/objects.h"
#include "userspace-proxy/config/snapshot.pb.h"

#include <vector>

namespace fairlead::compile {

// The conditions that remain for the mesh and a dialled port, and everything but ForwardAction: one route, or, where
// matches have names of their own, one for each. REQUIRES: rule_applies.
std::vector<config::wire::Route> rule_to_wire(const model::HttpRoute& rule, uint16_t port);

// Nothing after such a rule can match; Istio cuts the list there.
bool is_catch_all(const config::wire::Route& route);

config::wire::HeaderOperations operations_to_wire(const model::HeaderOperations& operations);

}  // namespace fairlead::compile
