// How Istio's metrics name the two ends of a request or connection
// (istio.io/latest/docs/reference/config/metrics/#labels). Pure; any thread.
#pragma once

#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/policy/policy.h"
#include "userspace-proxy/telemetry/series.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::report {

enum class Side : uint8_t { kSource = 1, kDestination = 2 };  // the reporter

// What is known of the ends; null or empty: unknown.
struct EndFacts {
  const config::Workload* source = nullptr;
  const policy::Identity* source_identity = nullptr;  // of the caller, as attested
  const config::Workload* destination = nullptr;
  const config::Service* service = nullptr;
  std::string_view authority;  // of an HTTP request: names a destination that is no service
};

// Texts that a label points into where it is a view.
struct LabelStorage {
  std::string source_principal, destination_principal;
};

// Everything but request_protocol and response_flags. `Text`: std::string_view, into `facts` and `storage`, or
// std::string.
template <class Text>
telemetry::BasicCommonLabels<Text> labels_of(const EndFacts& facts, Side side, LabelStorage& storage);

}  // namespace fairlead::report
