// How soon open connections end that a new policy forbids: values for the report, and the part that measures them.
#pragma once

#include "agent/bench/paths.h"

#include <cstdint>

namespace fairlead::bench {

struct PolicyEnds {
  Path path = Path::kNodeKernel;
  uint64_t connections = 0;  // open
  uint64_t forbidden = 0;    // of them, by the policy
  uint64_t ended = 0;        // of those, within the time that was waited
  // From the moment that the policy's file was in its place until the client saw its connection end.
  double p50_ms = 0, p99_ms = 0, max_ms = 0;
};

}  // namespace fairlead::bench
