// One loader per kind: reads `spec` (and `status`) of an object whose metadata is read, and reports what is wrong.
// What it returns counts only if the report refuses nothing. A new kind is one file, one line here and one in
// kinds.cpp.
#pragma once

#include "agent/model/objects.h"
#include "agent/model/reader.h"

namespace fairlead::model {

// `object` is the whole document's map; the caller has asked for apiVersion, kind and metadata.
using Loader = Object (*)(Metadata meta, Fields& object);

Object load_namespace(Metadata meta, Fields& object);
Object load_service_account(Metadata meta, Fields& object);
Object load_node(Metadata meta, Fields& object);
Object load_pod(Metadata meta, Fields& object);
Object load_service(Metadata meta, Fields& object);
Object load_endpoint_slice(Metadata meta, Fields& object);
Object load_virtual_service(Metadata meta, Fields& object);
Object load_destination_rule(Metadata meta, Fields& object);
Object load_authorization_policy(Metadata meta, Fields& object);
Object load_peer_authentication(Metadata meta, Fields& object);
Object load_network_policy(Metadata meta, Fields& object);

}  // namespace fairlead::model
