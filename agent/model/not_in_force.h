// The fields that load and are not honoured yet, in one table: a field leaves it when it is built. Pure functions.
#pragma once

#include "agent/model/objects.h"
#include "agent/model/yaml.h"

#include <string_view>
#include <vector>

namespace fairlead::model {

struct NotInForce {
  Severity severity;  // info for traffic, warning where something meant to protect does not
  const YamlNode* node;
  std::string_view text;
};

// At most one per line of the table: the first place in the object where it applies.
std::vector<NotInForce> find_not_in_force(std::string_view kind, const YamlNode& object);

}  // namespace fairlead::model
