// Which capabilities the agent needs, and what each is for. daemonset/PRIVILEGES.md is written from this list.
#pragma once

#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fairlead::host {

struct NeededCapability {
  int number;  // linux/capability.h
  const char* name;
  const char* purpose;
};

std::span<const NeededCapability> needed_capabilities();

// Those of the list that are not in the effective set (bit n: capability n). Pure.
std::vector<NeededCapability> missing_capabilities(uint64_t effective);

// An error naming every missing one and what breaks without it.
Status check_capabilities();

}  // namespace fairlead::host
