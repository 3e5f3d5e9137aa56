// metadata of every kind, and the parts of a spec that several kinds share.
#pragma once

#include "agent/model/objects.h"
#include "agent/model/reader.h"

#include <string>
#include <vector>

namespace fairlead::model {

enum class Scope : uint8_t { kCluster, kNamespace };

// An object without a namespace is in `default`, as kubectl would put it.
Metadata read_metadata(const Cursor& at, Scope scope);
Labels read_labels(const Cursor& at);

// A LabelSelector of Kubernetes' kinds; where it is absent, one that selects everything.
LabelSelector read_label_selector(const Cursor& at);

// `matchLabels` of Istio's kinds; nullopt where the selector is absent.
std::optional<Labels> read_workload_selector(const Cursor& at);
std::vector<std::string> read_export_to(const Cursor& at, const Metadata& meta);

// Annotations that Istio refuses on its own kinds. Only AuthorizationPolicy takes istio.io/dry-run.
inline constexpr std::string_view kDryRun = "istio.io/dry-run";
enum class DryRun : uint8_t { kRefuse, kAllow };
void check_istio_annotations(const Cursor& at, const Metadata& meta, DryRun dry_run);

}  // namespace fairlead::model
