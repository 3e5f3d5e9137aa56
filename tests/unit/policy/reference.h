// AuthorizationPolicy evaluated straight from the wire form, slowly and one attribute at a time: what the compiled
// engine is compared with. It shares no code with the engine but the address types and the messages.
#pragma once

#include "userspace-proxy/config/snapshot.pb.h"
#include "userspace-proxy/policy/policy.h"

#include <vector>

namespace fairlead::test {

// Dry-run policies are left out, or enforced like the others.
bool reference_allows(const std::vector<config::wire::Policy>& policies, const policy::Facts& facts,
                      bool enforce_dry_run);

}  // namespace fairlead::test
