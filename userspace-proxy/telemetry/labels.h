// The names of the labels, in the order in which Istio's documentation lists them and the text prints them.
#pragma once

#include "userspace-proxy/telemetry/series.h"

#include <array>
#include <string_view>

namespace fairlead::telemetry {

template <class Text>
struct LabelField {
  std::string_view name;
  Text BasicCommonLabels<Text>::* member;
};

template <class Text>
inline constexpr std::array<LabelField<Text>, 23> kCommonLabels = [] {
  using L = BasicCommonLabels<Text>;
  return std::array<LabelField<Text>, 23>{{
      {"reporter", &L::reporter},
      {"source_workload", &L::source_workload},
      {"source_canonical_service", &L::source_canonical_service},
      {"source_canonical_revision", &L::source_canonical_revision},
      {"source_workload_namespace", &L::source_workload_namespace},
      {"source_principal", &L::source_principal},
      {"source_app", &L::source_app},
      {"source_version", &L::source_version},
      {"source_cluster", &L::source_cluster},
      {"destination_workload", &L::destination_workload},
      {"destination_workload_namespace", &L::destination_workload_namespace},
      {"destination_principal", &L::destination_principal},
      {"destination_app", &L::destination_app},
      {"destination_version", &L::destination_version},
      {"destination_service", &L::destination_service},
      {"destination_canonical_service", &L::destination_canonical_service},
      {"destination_canonical_revision", &L::destination_canonical_revision},
      {"destination_service_name", &L::destination_service_name},
      {"destination_service_namespace", &L::destination_service_namespace},
      {"destination_cluster", &L::destination_cluster},
      {"request_protocol", &L::request_protocol},
      {"response_flags", &L::response_flags},
      {"connection_security_policy", &L::connection_security_policy},
  }};
}();

// A struct whose labels are not all in the list would lose some of them silently.
static_assert(sizeof(BasicCommonLabels<std::string_view>) ==
              kCommonLabels<std::string_view>.size() * sizeof(std::string_view));

}  // namespace fairlead::telemetry
