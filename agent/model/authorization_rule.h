// The rules of an AuthorizationPolicy: from, to, when.
#pragma once

#include "agent/model/objects.h"
#include "agent/model/reader.h"

#include <vector>

namespace fairlead::model {

std::vector<AuthorizationRule> read_authorization_rules(const Cursor& at, AuthorizationPolicy::Action action);

}  // namespace fairlead::model
