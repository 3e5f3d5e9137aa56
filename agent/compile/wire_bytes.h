// Bytes of a protobuf message that depend on its content alone: map fields in the order of their keys.
#pragma once

#include <google/protobuf/message_lite.h>

#include <string>

namespace fairlead::compile {

std::string deterministic_bytes(const google::protobuf::MessageLite& message);

}  // namespace fairlead::compile
