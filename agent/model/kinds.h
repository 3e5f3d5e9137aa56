// The table of kinds: what is read, by whom, and what is known not to be. Constant, any thread.
#pragma once

#include "agent/model/loaders.h"
#include "agent/model/metadata.h"

#include <span>
#include <string_view>

namespace fairlead::model {

struct Kind {
  std::string_view group;  // empty: Kubernetes' core
  std::string_view name;
  std::span<const std::string_view> versions;  // served
  Scope scope;
  Report::UnknownFields unknown_fields;  // refused in Istio's kinds, whose errors have Istio's code
  Loader load;
};

// Null: not a kind that Fairlead reads.
const Kind* find_kind(std::string_view group, std::string_view name);

// A kind that protects something and is not built: its objects are not in force, which deserves a warning. Empty if it
// is not such a kind.
std::string_view security_notice(std::string_view group, std::string_view name);

}  // namespace fairlead::model
