#include "userspace-proxy/report/labels.h"

namespace fairlead::report {
namespace {

constexpr std::string_view kUnknown = "unknown";

std::string_view or_unknown(std::string_view text) { return text.empty() ? kUnknown : text; }

std::string spiffe(const policy::Identity* identity) {
  return identity == nullptr || identity->id == 0 ? std::string(kUnknown) : "spiffe://" + identity->principal;
}

template <class Text>
void name_source(const config::Workload* source, telemetry::BasicCommonLabels<Text>& labels) {
  labels.source_workload = labels.source_canonical_service = labels.source_canonical_revision = kUnknown;
  labels.source_workload_namespace = labels.source_app = labels.source_version = labels.source_cluster = kUnknown;
  if (source == nullptr) {
    return;
  }
  labels.source_workload = or_unknown(source->workload_name);
  labels.source_workload_namespace = source->ns;
  labels.source_canonical_service = or_unknown(source->canonical_service);
  labels.source_canonical_revision = or_unknown(source->canonical_revision);
  labels.source_app = or_unknown(source->app);
  labels.source_version = or_unknown(source->version);
  labels.source_cluster = or_unknown(source->cluster);
}

template <class Text>
void name_destination(const config::Workload* destination, telemetry::BasicCommonLabels<Text>& labels) {
  labels.destination_workload = labels.destination_workload_namespace = labels.destination_app = kUnknown;
  labels.destination_version = labels.destination_canonical_service = labels.destination_canonical_revision = kUnknown;
  labels.destination_cluster = kUnknown;
  if (destination == nullptr) {
    return;
  }
  labels.destination_workload = or_unknown(destination->workload_name);
  labels.destination_workload_namespace = destination->ns;
  labels.destination_canonical_service = or_unknown(destination->canonical_service);
  labels.destination_canonical_revision = or_unknown(destination->canonical_revision);
  labels.destination_app = or_unknown(destination->app);
  labels.destination_version = or_unknown(destination->version);
  labels.destination_cluster = or_unknown(destination->cluster);
}

template <class Text>
void name_service(const EndFacts& facts, bool at_source, telemetry::BasicCommonLabels<Text>& labels) {
  labels.destination_service = labels.destination_service_namespace = kUnknown;
  if (facts.service != nullptr) {
    labels.destination_service = facts.service->host;
    labels.destination_service_name = facts.service->name;
    labels.destination_service_namespace = facts.service->ns;
    return;
  }
  // Unknown hosts: the client side falls back to the Host header, the inbound side does not (config docs, metrics).
  labels.destination_service_name = at_source ? "PassthroughCluster" : "InboundPassthroughCluster";
  if (at_source && !facts.authority.empty()) {
    labels.destination_service = facts.authority;
  }
  if (facts.destination != nullptr) {
    labels.destination_service_namespace = facts.destination->ns;
  }
}

}  // namespace

template <class Text>
telemetry::BasicCommonLabels<Text> labels_of(const EndFacts& facts, Side side, LabelStorage& storage) {
  telemetry::BasicCommonLabels<Text> labels;
  const bool at_source = side == Side::kSource;
  labels.reporter = at_source ? "source" : "destination";
  name_source(facts.source, labels);
  name_destination(facts.destination, labels);
  name_service(facts, at_source, labels);
  storage.source_principal = spiffe(facts.source_identity);
  labels.source_principal = storage.source_principal;
  storage.destination_principal = spiffe(facts.destination == nullptr ? nullptr : &facts.destination->identity);
  labels.destination_principal = storage.destination_principal;
  labels.connection_security_policy = at_source ? kUnknown : "none";
  return labels;
}

template telemetry::BasicCommonLabels<std::string_view> labels_of(const EndFacts&, Side, LabelStorage&);
template telemetry::BasicCommonLabels<std::string> labels_of(const EndFacts&, Side, LabelStorage&);

}  // namespace fairlead::report
